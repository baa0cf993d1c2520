"""Other programs' checkpoints: each dialect paints the same through our network, or is refused."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT, Ganimate
from torch import Tensor, nn

from ganimate.cli.app import main
from ganimate.cli.weights import weights as weights_app
from ganimate.errors import GanimateError
from ganimate.networks.generator import Generator
from ganimate.networks.painting import compose
from ganimate.weights import import_generator, load_generator, read_info, save_network

SIZE, WIDTH = 32, 8

Norm = Callable[[int], nn.Module]


class Block(nn.Module):
    """A residual block; its layers' name is the dialect's."""

    def __init__(self, name: str, *layers: nn.Module) -> None:
        super().__init__()
        setattr(self, name, nn.Sequential(*layers))
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return x + getattr(self, self.name)(x)


class Dialect(nn.Module):
    """The paper's network in some dialect's names and norms, as its program would paint with it."""

    def __init__(
        self,
        trunk: str,
        colour: str,
        attention: str,
        norm: Norm,
        *,
        blocks: int = 2,
        units: int = 17,
        bias: bool = False,
        head_bias: bool = False,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        w = WIDTH

        def after(conv: nn.Module, width: int) -> list[nn.Module]:
            return [conv, norm(width), nn.ReLU()]

        layers = after(nn.Conv2d(3 + units, w, 7, padding=3, bias=bias), w)
        for c in (w, w * 2):
            layers += after(nn.Conv2d(c, c * 2, 4, stride=2, padding=1, bias=bias), c * 2)
        name = "conv_block" if trunk == "model" else "main"
        for _ in range(blocks):
            first = after(nn.Conv2d(w * 4, w * 4, 3, padding=1, bias=bias), w * 4)
            second = after(nn.Conv2d(w * 4, w * 4, 3, padding=1, bias=bias), w * 4)
            layers += [Block(name, *first, *([nn.Dropout()] if dropout else []), *second[:-1])]
        for c in (w * 4, w * 2):
            layers += after(nn.ConvTranspose2d(c, c // 2, 4, 2, 1, bias=bias), c // 2)
        self.names = trunk, colour, attention
        setattr(self, trunk, nn.Sequential(*layers))
        heads = ((colour, 3, nn.Tanh()), (attention, 1, nn.Sigmoid()))
        for head, channels, end in heads:
            conv = nn.Conv2d(w, channels, 7, padding=3, bias=head_bias)
            setattr(self, head, nn.Sequential(conv, end))
        rng = torch.Generator().manual_seed(5)
        for key, value in self.state_dict().items():
            if key.endswith("running_var"):
                value.copy_(torch.rand(value.shape, generator=rng) * 2 + 0.2)
            elif value.is_floating_point():
                spread = 0.5 if value.ndim == 1 else 3 * value[0].numel() ** -0.5
                value.copy_(torch.randn(value.shape, generator=rng) * spread)

    def forward(self, x: Tensor, intensities: Tensor) -> tuple[Tensor, Tensor]:
        planes = intensities[:, :, None, None].expand(-1, -1, *x.shape[2:])
        features = getattr(self, self.names[0])(torch.cat([x, planes], 1))
        return getattr(self, self.names[1])(features), getattr(self, self.names[2])(features)


def affine(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True)


def bare(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width)


def tracking(width: int) -> nn.Module:
    return nn.InstanceNorm2d(width, affine=True, track_running_stats=True)


def authors(**changes: Any) -> Dialect:
    return Dialect("main", "img_reg", "attetion_reg", affine, **changes)


def replicate(norm: Norm = bare, **changes: Any) -> Dialect:
    return Dialect("model", "color_top", "au_top", norm, bias=norm is bare, **changes)


def tracked(**changes: Any) -> Dialect:
    return Dialect("main", "im_reg", "im_att", tracking, **changes)


def inputs() -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(6)
    return torch.rand(2, 3, SIZE, SIZE, generator=rng) * 2 - 1, torch.rand(2, 17, generator=rng)


@torch.no_grad()
def difference(theirs: Dialect, ours: Generator) -> float:
    """Largest difference in attention, colour or result between a dialect's network and ours."""
    crops, intensities = inputs()
    colour, attention = theirs(crops, intensities)
    painting = ours(crops, intensities, torch.zeros_like(intensities))
    assert attention.std() > 0.05 and colour.std() > 0.05  # else nothing is compared
    pairs = [
        (attention, painting.attention),
        (colour, painting.colour),
        (attention * crops + (1 - attention) * colour, compose(crops, painting)),
    ]
    return max((one - other).abs().max().item() for one, other in pairs)


def imported(state: object, folder: Path, **options: Any) -> Generator:
    torch.save(state, folder / "old.pth")
    import_generator(folder / "old.pth", folder / "new.safetensors", size=SIZE, **options)
    return load_generator(folder / "new.safetensors")[0]


@pytest.mark.parametrize(
    "network",
    [
        authors(),
        authors(blocks=1),
        replicate(),
        replicate(head_bias=True, dropout=True),
        replicate(nn.BatchNorm2d),
        tracked(),
    ],
    ids=["authors", "one block", "replicate", "dropout and head bias", "batch norm", "tracked"],
)
def test_a_dialect_paints_the_same_through_our_network(network: Dialect, tmp_path: Path) -> None:
    ours = imported(network.state_dict(), tmp_path)
    assert difference(network.eval(), ours) < 1e-4


def test_tracking_norms_can_use_each_crops_own_statistics(tmp_path: Path) -> None:
    network = tracked().train()
    ours = imported(network.state_dict(), tmp_path, statistics="instance")
    assert difference(network, ours) < 1e-4
    assert difference(network.eval(), ours) > 1e-2


def test_statistics_that_were_never_counted_are_not_used(tmp_path: Path) -> None:
    """PyTorch 0.3, which the authors' code is for, stored statistics and normalised without."""
    old = {k: v for k, v in tracked().state_dict().items() if "num_batches" not in k}
    names = {"im_reg.0.weight": "img_reg.0.weight", "im_att.0.weight": "attetion_reg.0.weight"}
    old = {names.get(k, k): v for k, v in old.items()}
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    info = import_generator(tmp_path / "old.pth", tmp_path / "new.safetensors", size=SIZE)
    assert info.metadata["imported"]["dialect"] == "authors"
    assert difference(tracked().train(), load_generator(info.path)[0]) < 1e-4


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {f"module.{k}": v for k, v in state.items()},
        lambda state: {"state_dict": {f"module.netG.{k}": v for k, v in state.items()}},
        lambda state: {k: v.double() for k, v in state.items()},
    ],
)
def test_wrappers_prefixes_and_types_make_no_difference(
    wrap: Callable[[dict[str, Tensor]], object], tmp_path: Path
) -> None:
    network = authors(blocks=1)
    assert difference(network, imported(wrap(network.state_dict()), tmp_path)) < 1e-4


def test_layers_that_are_listed_twice_count_once(tmp_path: Path) -> None:
    network = tracked(blocks=1)
    state = network.state_dict()
    state |= {f"debug1.{k[5:]}": v for k, v in state.items() if k.startswith(("main.0", "main.1."))}
    assert difference(network.eval(), imported(state, tmp_path)) < 1e-4


def test_imported_weights_say_where_they_come_from(tmp_path: Path) -> None:
    imported(replicate().state_dict(), tmp_path)
    info = read_info(tmp_path / "new.safetensors")
    assert info.metadata["imported"] == {
        "source": "old.pth", "dialect": "replicate", "tracked": False
    }  # fmt: skip
    assert info.metadata["licence"] == "unknown: as its source"
    assert info.config["trunk"] == "paper" and info.config["motion"] is False


def changed(**values: Tensor | None) -> dict[str, Any]:
    state: dict[str, Any] = dict(authors(blocks=1).state_dict())
    for name, value in values.items():
        state.pop(name.replace("__", ".")) if value is None else state.update({name: value})
    return state


CRITIC = nn.ModuleDict({"main": nn.Sequential(nn.Conv2d(3, 8, 4)), "conv1": nn.Conv2d(8, 1, 3)})
ITSELF: dict[str, object] = {}
ITSELF["model"] = ITSELF
REFUSED: dict[str, tuple[object, str]] = {
    "other units": (authors(units=5).state_dict(), "5 action units.* 17"),
    "unknown keys": (changed(a=torch.ones(1), b=torch.ones(2)), "no generator has: a, b"),
    "missing layer": (
        changed(main__4__weight=None, main__3__weight=None),
        r"lacks main\.3\.weight",
    ),
    "missing head": (changed(attetion_reg__0__weight=None), "lacks the attention head"),
    "wrong shape": (changed(**{"main.3.weight": torch.ones(4, 4)}), r"main\.3\.weight is float32"),
    "not finite": (changed(**{"main.1.bias": torch.full((WIDTH,), torch.nan)}), "not finite"),
    "endless": (changed(**{"main.1.bias": torch.ones(1).expand(10**12)}), r"main\.1\.bias"),
    "critic": ({**CRITIC.state_dict(), "conv2.weight": torch.ones(1)}, "critic"),
    "other critic": ({f"{k}.weight": torch.ones(1) for k in ("dis_top", "aus_top")}, "critic"),
    "optimiser": (torch.optim.Adam([torch.ones(1)]).state_dict(), "optimiser"),
    "a list": ([torch.ones(1)], "no named tensors"),
    "itself": (ITSELF, "no generator has: model"),
    "another network": ({"fc.weight": torch.ones(2, 2)}, "no known generator.*weight"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    state, says = REFUSED[case]
    with pytest.raises(GanimateError, match=says) as refusal:
        imported(state, tmp_path)
    assert "old.pth" in str(refusal.value) and "\n" not in str(refusal.value)
    assert not (tmp_path / "new.safetensors").exists()


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, ganimate: Ganimate) -> None:
    trap = tmp_path / "sprung"
    torch.save({**authors(blocks=1).state_dict(), "x": Trap(trap)}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap(trap)))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(GanimateError, match=rf"{name}: refused.*nothing in it was run"):
            import_generator(tmp_path / name, tmp_path / "new.safetensors")
    done = ganimate("weights", "import", "zip.pth", "-o", "new.safetensors")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "mkdir" in done.stderr
    assert not trap.exists() and not (tmp_path / "new.safetensors").exists()


@pytest.mark.parametrize("data", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip", b"\x80\x02."])
def test_damaged_files_are_named(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_bytes(data)
    with pytest.raises(GanimateError, match=r"old\.pth"):
        import_generator(tmp_path / "old.pth", tmp_path / "new.safetensors")


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run the command in this process, in the test's own folder: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        try:
            status = main(["weights", *map(str, words)])
        except SystemExit as done:
            status = int(done.code or 0)
        return status, *capsys.readouterr()

    return run


def test_the_command_imports_shows_and_keeps_what_exists(tmp_path: Path, here: Run) -> None:
    torch.save(tracked(blocks=1).state_dict(), tmp_path / "old.pth")
    status, out, err = here("import", "old.pth", "--size", SIZE)
    assert status == 0 and "dialect tracked" in out and "--statistics" in err
    about = json.loads(here("show", "old.safetensors", "--json")[1])
    assert about["config"]["norm"] == "fixed" and len(about["fingerprint"]) == 12
    status, out, err = here("import", "old.pth")
    assert status == 1 and "--force" in err and not out
    assert here("import", "old.pth", "--size", SIZE, "--force", "-q") == (0, "", "")
    assert here("import", "old.pth", "--size", 100)[0] == 2
    assert here("import", "old.pth", "-o", "new.pth")[0] == 2
    status, _, err = here("import", "none.pth")
    assert status == 1 and "none.pth" in err and err.count("\n") == 1


def test_show_names_what_is_no_weights_file(tmp_path: Path, here: Run) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    status, _, err = here("show", "x.safetensors")
    assert status == 1 and "x.safetensors" in err
    save_network(tmp_path / "y.safetensors", Generator(width=8, blocks=1), {"images_seen": 7})
    assert "images seen   7" in here("show", "y.safetensors")[1]


def test_every_option_is_on_the_page() -> None:
    from typer.main import get_command

    page = (ROOT / "docs" / "weights.md").read_text("utf-8")
    for command in get_command(weights_app).commands.values():  # type: ignore[attr-defined]
        for option in command.params:
            long = max(option.opts, key=len)
            assert long in page or long == "--help" or not long.startswith("--"), long
