"""Packs: what is cut into parts goes on exactly, and what does not fit is reduced and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import EXAMPLES
from dataset import write_dataset
from tiny import tiny, trainer

from ganimate.cli.app import main
from ganimate.errors import GanimateError
from ganimate.training.pack import INDEX, pack, unpack
from ganimate.training.state import flatten, load_state, save_state


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("dataset"), [EXAMPLES / "portrait.jpg"])


def made_up(folder: Path, numbers: int = 20_000) -> Path:
    """A checkpoint with two optimisers, whose moments span what real ones do."""
    rng = torch.Generator().manual_seed(0)

    def values(count: int) -> torch.Tensor:
        exponents = torch.rand(count, generator=rng) * 12 - 14
        return torch.randn(count, generator=rng).sign() * 10**exponents

    def adam(count: int) -> dict[str, Any]:
        entry = {"step": torch.tensor(5.0), "exp_avg": values(count)}
        entry["exp_avg_sq"] = values(count).square()
        return {"state": {0: entry}, "param_groups": [{"lr": 1e-3, "params": [0]}]}

    state = {
        "step": 5,
        "rng": torch.arange(100, dtype=torch.uint8),
        "networks": {
            "painter": {"w": torch.randn(numbers, generator=rng), "count": torch.tensor(3)},
            "average": {"w": torch.randn(numbers, generator=rng), "none": torch.zeros(0, 3)},
            "critic": {"w": torch.randn(numbers // 2, 1, generator=rng)},
        },
        "optimisers": {"painter": adam(numbers), "critic": adam(numbers // 2)},
    }
    save_state(folder / "checkpoint.safetensors", state)
    return folder / "checkpoint.safetensors"


def tensors(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    flatten(load_state(path), found)
    return found


def equal(one: Path, other: Path) -> bool:
    a, b = tensors(one), tensors(other)
    same = a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    kinds = [(v.dtype, v.shape) for v in a.values()] == [(v.dtype, v.shape) for v in b.values()]
    return same and kinds and flatten(load_state(one), {}) == flatten(load_state(other), {})


@pytest.mark.parametrize("part_bytes", [4096, 50_000, 16_000_000])
def test_a_checkpoint_comes_back_as_it_was(part_bytes: int, tmp_path: Path) -> None:
    checkpoint = made_up(tmp_path)
    save_state(tmp_path / "teacher.safetensors", {"mean": torch.ones(3, 2)})
    packed = pack(checkpoint, tmp_path / "pack", part_bytes)
    assert packed.reduced == []
    assert all(p.stat().st_size <= part_bytes for p in packed.files if p.name != INDEX)
    assert packed.total == sum(p.stat().st_size for p in (tmp_path / "pack").iterdir())
    assert unpack(tmp_path / "pack", tmp_path / "back" / "checkpoint.safetensors") == []
    for name in ("checkpoint.safetensors", "teacher.safetensors"):
        assert equal(tmp_path / name, tmp_path / "back" / name)


def test_what_does_not_fit_is_reduced_in_order(tmp_path: Path) -> None:
    checkpoint = made_up(tmp_path)  # 200 kB of weights, 240 kB of moments
    before = tensors(checkpoint)
    told = []
    for total in (450_000, 330_000, 290_000, 250_000, 170_000, 110_000):
        packed = pack(checkpoint, tmp_path / "pack", 60_000, total)
        assert packed.total <= total
        told.append(packed.reduced)
        back = tmp_path / "back" / "checkpoint.safetensors"
        assert unpack(tmp_path / "pack", back) == packed.reduced
        after = tensors(back)
        assert {v.dtype for v in after.values()} == {v.dtype for v in before.values()}
        if total == 330_000:
            for key, value in before.items():
                tolerance = 0.004 if "exp_avg" in key else 0
                torch.testing.assert_close(after[key], value, rtol=tolerance, atol=0)
    assert [len(one) for one in told] == [0, 1, 2, 3, 4, 5]
    assert told[-1][:1] == ["moments in bfloat16"] and told[-1][2] == "no moments of the critic"
    assert not load_state(back)["optimisers"]["painter"]["state"]
    with pytest.raises(GanimateError, match=r"checkpoint\.safetensors: .* MB"):
        pack(checkpoint, tmp_path / "none", 60_000, 50_000)
    assert not (tmp_path / "none").exists()


def test_a_missing_or_damaged_part_is_named(tmp_path: Path) -> None:
    checkpoint, folder = made_up(tmp_path), tmp_path / "pack"
    back = tmp_path / "back.safetensors"
    with pytest.raises(GanimateError, match=r"index\.json"):
        unpack(folder, back)
    pack(checkpoint, folder, 100_000)
    part = folder / "part-001.safetensors"
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(GanimateError, match=r"part-001\.safetensors: damaged"):
        unpack(folder, back)
    part.unlink()
    with pytest.raises(GanimateError, match=r"part-001\.safetensors: there is no such file"):
        unpack(folder, back)
    for wrong in (
        "",
        "[]",
        "{}",
        '{"parts": {"../x": ""}, "shapes": {}, "reduced": [], "state": 0}',
    ):
        (folder / INDEX).write_text(wrong)
        with pytest.raises(GanimateError, match=r"index\.json"):
            unpack(folder, back)
    assert not back.exists()


def test_an_older_pack_is_replaced(tmp_path: Path) -> None:
    checkpoint, folder = made_up(tmp_path), tmp_path / "pack"
    many = pack(checkpoint, folder, 50_000).files
    few = pack(checkpoint, folder).files
    assert len(few) < len(many)
    assert not set(few[:-1]) & set(many), "the older one stays whole until the index is written"
    assert sorted(folder.iterdir()) == sorted(few)
    pack(checkpoint, folder)
    assert unpack(folder, tmp_path / "back.safetensors") == []


def test_what_is_no_checkpoint_is_not_packed(tmp_path: Path) -> None:
    save_state(tmp_path / "x.safetensors", {"mean": torch.ones(2)})
    with pytest.raises(GanimateError, match=r"x\.safetensors: not a training checkpoint"):
        pack(tmp_path / "x.safetensors", tmp_path / "pack")


def test_training_goes_on_exactly_through_a_pack(dataset: Path, tmp_path: Path) -> None:
    recipe = tiny(tmp_path, "generator", schedule={"steps": 2, "batch": 4})
    whole = trainer(dataset, recipe, tmp_path / "whole")
    whole.run()
    first = trainer(dataset, recipe, tmp_path / "first")
    first.task.recipe.schedule.__dict__["steps"] = 1
    first.run()
    assert pack(first.checkpoint, tmp_path / "pack", 30_000).reduced == []
    second = trainer(dataset, recipe, tmp_path / "second")
    unpack(tmp_path / "pack", second.checkpoint)
    second.resume()
    assert second.step == 1
    second.run()
    for name, network in whole.task.networks.items():
        other = second.task.networks[name].state_dict()
        assert all(torch.equal(other[k], v) for k, v in network.state_dict().items()), name


def run(*words: object) -> int:
    """The command, in this process: its exit status."""
    try:
        return main(list(map(str, words)))
    except SystemExit as done:
        return int(done.code or 0)


def test_the_command_packs_and_unpacks(
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", dataset, "--recipe", tiny(tmp_path, "reader"), "--accelerator", "cpu"]
    assert run(*words, "--out", "one", "--pack", "pack") == 0
    assert run(*words, "--out", "two", "--resume", "--unpack", "pack") == 0
    one, two = (tmp_path / run / "checkpoint.safetensors" for run in ("one", "two"))
    assert equal(one, two)  # its last step was done: nothing was left to train
    assert run(*words, "--out", "three", "--unpack", "pack") == 2
    assert run(*words, "--out", "two", "--resume", "--unpack", "pack") == 2
    (tmp_path / "pack" / "part-000.safetensors").unlink()
    capsys.readouterr()
    assert run(*words, "--out", "four", "--resume", "--unpack", "pack") == 1
    assert "part-000.safetensors" in capsys.readouterr().err


def test_the_checkpoint_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is, training would go on, and needs its teachers."""
    checkpoint = made_up(tmp_path)
    save_state(checkpoint.with_name("teacher.safetensors"), {"mean": torch.ones(2)})
    pack(checkpoint, tmp_path / "pack")
    written: list[str] = []
    monkeypatch.setattr(
        "ganimate.training.pack.save_state", lambda path, _: written.append(path.name)
    )
    unpack(tmp_path / "pack", tmp_path / "back" / "checkpoint.safetensors")
    assert written == ["teacher.safetensors", "checkpoint.safetensors"]
