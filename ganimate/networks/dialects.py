"""The public dialects of GANimation's generator, put into ours.

All of them build the network of the paper (Pumarola et al. 2018): a 7 x 7 stem that sees the photo
and, after it, the intensities as planes; two convolutions down; residual blocks; two up; a head for
attention and one for colour. They differ in the names of the layers and in the norms:

    authors    main, img_reg, attetion_reg (sic); instance norms with gain and shift
    replicate  model, color_top, au_top; instance norms without; convolutions with a bias
    tracked    main, im_reg, im_att; instance norms that also kept running statistics

Nothing of their code is here: layers are told by their names and shapes, heads by their channels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganimate.networks.generator import Generator
from ganimate.networks.painting import ACTION_UNITS

STATISTICS = ("auto", "running", "instance")
WRAPPERS = ("state_dict", "model", "generator", "netG", "net_gen", "G")
MOST_VALUES = 100_000_000
"""The paper's network has 8.5 million; a small file can describe tensors without end."""

EPSILON = 1e-5  # of every norm in all three dialects


class Translation(NamedTuple):
    """A checkpoint in our terms.

    Attributes:
        dialect: ``authors``, ``replicate`` or ``tracked``.
        network: paints what the dialect's own network paints.
        tracked: whether the checkpoint brought running statistics of a program that uses them.
    """

    dialect: str
    network: Generator
    tracked: bool


def translate(checkpoint: object, size: int = 128, statistics: str = "auto") -> Translation:
    """Build the generator that a public checkpoint describes.

    Args:
        checkpoint: names and tensors, perhaps wrapped as ``{"state_dict": ...}`` and prefixed.
        size: side of the crops the generator is to paint; the checkpoint does not say.
        statistics: what the norms normalise with. ``running``: the statistics in the checkpoint,
            as a tracking instance norm does in eval mode. ``instance``: the crop's own, as it does
            in training mode. ``auto``: ``running`` where the checkpoint counts its batches. Before
            PyTorch 0.4 every instance norm stored statistics, counted nothing and used none.

    Raises:
        ValueError: none of the dialects, in one line that says what is there instead.
    """
    if statistics not in STATISTICS:
        raise ValueError(f"statistics must be one of {', '.join(STATISTICS)}, not {statistics!r}")
    tensors = _unwrap(checkpoint)
    trunk = "model" if "model.0.weight" in tensors else "main"
    width, blocks = _measure(tensors, trunk)
    tracked = any(name.endswith(".num_batches_tracked") for name in tensors)
    fixed = statistics == "running" or (statistics == "auto" and tracked)
    taken = _Taker(tensors, fixed)
    values: dict[str, Tensor] = {}
    for theirs, ours, norm, shape in _layers(tensors, trunk, width, blocks):
        up = ours in ("last.0", f"trunk.{8 + blocks}")  # transposed: outputs are second
        values |= taken.layer(theirs, ours, norm, shape, outputs=shape[1] if up else shape[0])
    biased = taken.heads(values, width)
    taken.finish()
    dialect = "replicate" if trunk == "model" else "tracked" if tracked else "authors"
    norm = "fixed" if fixed else "instance"
    network = Generator("paper", size, width, blocks, False, norm=norm, head_bias=biased)
    network.load_state_dict({f"body.{name}": value for name, value in values.items()})
    return Translation(dialect, network.eval(), tracked)


def _unwrap(checkpoint: object) -> dict[str, Tensor]:
    """Names and tensors without wrappers, common prefixes and layers that are listed twice."""
    for _ in WRAPPERS:  # not as long as there is one: a dict can hold itself
        if isinstance(checkpoint, Mapping):
            inner = (checkpoint.get(name) for name in WRAPPERS)
            checkpoint = next((one for one in inner if isinstance(one, dict)), checkpoint)
    if not isinstance(checkpoint, Mapping) or not checkpoint:
        raise ValueError("holds no named tensors")
    if "param_groups" in checkpoint:
        raise ValueError("is an optimiser's state, not a generator")
    found: dict[str, Any] = {str(name): value for name, value in checkpoint.items()}
    heads = {name.split(".")[0] for name in found}
    while len(heads) == 1 and all("." in name for name in found):
        found = {name.split(".", 1)[1]: value for name, value in found.items()}
        heads = {name.split(".")[0] for name in found}
    if {"conv1", "conv2"} <= heads or {"dis_top", "aus_top"} <= heads:
        raise ValueError("is a critic (discriminator); the generator's checkpoint is needed")
    odd = [name for name, value in found.items() if not _is_plain(value)]
    if odd:
        raise ValueError(f"holds what no generator has: {_first(odd)}")
    if sum(value.numel() for value in found.values()) > MOST_VALUES:
        raise ValueError("is larger than any generator of GANimation")
    for name in list(found):  # one dialect lists parts of `main` again, as debug1, debug2 ...
        main = found.get(re.sub(r"^debug\d+\.", "main.", name))
        if name.startswith("debug") and main is not None and torch.equal(found[name], main):
            del found[name]
    return found


def _is_plain(value: object) -> bool:
    """Whether it is a dense tensor that takes the room it says."""
    if not isinstance(value, Tensor) or value.layout != torch.strided:
        return False
    return value.device.type == "cpu" and value.is_contiguous()


def _first(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _measure(tensors: dict[str, Tensor], trunk: str) -> tuple[int, int]:
    """Width of the first layer and number of residual blocks."""
    stem = tensors.get(f"{trunk}.0.weight")
    if stem is None or stem.ndim != 4 or stem.shape[2:] != (7, 7):
        raise ValueError(f"is no known generator of GANimation: it holds {_first(list(tensors))}")
    units = stem.shape[1] - 3
    if units != ACTION_UNITS:
        raise ValueError(f"takes {units} action units; ganimate's generators take {ACTION_UNITS}")
    numbers = [re.match(rf"{trunk}\.(\d+)\.(main|conv_block)\.", name) for name in tensors]
    return stem.shape[0], len({match[1] for match in numbers if match})


def _layers(
    tensors: dict[str, Tensor], trunk: str, width: int, blocks: int
) -> Iterator[tuple[str, str, str, tuple[int, int, int, int]]]:
    """Each convolution: its name there, its name and its norm's here, its weight's shape.

    There, a norm follows its convolution in the count; so it does here, but for the stem.
    """
    wide = width * 4
    yield f"{trunk}.0", "stem", "trunk.0", (width, 3 + ACTION_UNITS, 7, 7)
    yield f"{trunk}.3", "trunk.2", "trunk.3", (width * 2, width, 4, 4)
    yield f"{trunk}.6", "trunk.5", "trunk.6", (wide, width * 2, 4, 4)
    inner = "conv_block" if trunk == "model" else "main"
    for block in range(9, 9 + blocks):
        theirs, ours = f"{trunk}.{block}.{inner}", f"trunk.{block - 1}.body"
        dropout = f"{theirs}.4.weight" in tensors and tensors[f"{theirs}.4.weight"].ndim == 4
        yield f"{theirs}.0", f"{ours}.0", f"{ours}.1", (wide, wide, 3, 3)
        yield f"{theirs}.{4 if dropout else 3}", f"{ours}.3", f"{ours}.4", (wide, wide, 3, 3)
    up = 9 + blocks
    yield f"{trunk}.{up}", f"trunk.{up - 1}", f"trunk.{up}", (wide, width * 2, 4, 4)
    yield f"{trunk}.{up + 3}", "last.0", "last.1", (width * 2, width, 4, 4)


class _Taker:
    """Takes tensors by name and shape; what nobody takes is told of at the end."""

    def __init__(self, tensors: dict[str, Tensor], fixed: bool) -> None:
        self.rest, self.fixed = dict(tensors), fixed

    def take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        value = self.rest.pop(name, None)
        if value is None:
            raise ValueError(f"is no known generator of GANimation: it lacks {name}")
        if value.shape != shape or not value.is_floating_point():
            kind = f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
            raise ValueError(f"is not the paper's network: {name} is {kind}, not {shape}")
        if not value.isfinite().all():
            raise ValueError(f"is damaged: {name} is not finite")
        return value.detach().float()

    def maybe(self, name: str, width: int, default: float) -> Tensor:
        return self.take(name, (width,)) if name in self.rest else torch.full((width,), default)

    def layer(
        self, theirs: str, ours: str, norm: str, shape: tuple[int, ...], outputs: int
    ) -> dict[str, Tensor]:
        """A convolution and the norm after it."""
        weight = self.take(f"{theirs}.weight", shape)
        bias = self.maybe(f"{theirs}.bias", outputs, 0.0)  # an instance norm cancels it
        above, number = theirs.rsplit(".", 1)
        after = f"{above}.{int(number) + 1}"
        gain = self.maybe(f"{after}.weight", outputs, 1.0)
        shift = self.maybe(f"{after}.bias", outputs, 0.0)
        self.rest.pop(f"{after}.num_batches_tracked", None)
        if self.fixed or f"{after}.running_mean" in self.rest:
            mean = self.take(f"{after}.running_mean", (outputs,))
            variance = self.take(f"{after}.running_var", (outputs,))
            if self.fixed:
                gain = gain / (variance.clamp(min=0) + EPSILON).sqrt()
                shift = shift + (bias - mean) * gain
        return {f"{ours}.weight": weight, f"{norm}.weight": gain, f"{norm}.bias": shift}

    def heads(self, values: dict[str, Tensor], width: int) -> bool:
        """Add both heads to `values`; whether either has a bias."""
        kinds = {1: "attention", 3: "colour"}
        weights = [name for name in self.rest if re.fullmatch(r"\w+\.0\.weight", name)]
        biased = any(f"{name.removesuffix('weight')}bias" in self.rest for name in weights)
        for name in weights:
            outputs = self.rest[name].shape[0] if self.rest[name].ndim else 0
            if (head := kinds.pop(outputs, None)) is None:
                continue
            values[f"{head}.weight"] = self.take(name, (outputs, width, 7, 7))
            if biased:
                bias = self.maybe(f"{name.removesuffix('weight')}bias", outputs, 0.0)
                values[f"{head}.bias"] = bias
        if kinds:
            missing = " and ".join(kinds.values())
            raise ValueError(f"is no known generator of GANimation: it lacks the {missing} head")
        return biased

    def finish(self) -> None:
        if self.rest:
            raise ValueError(f"holds what no generator has: {_first(list(self.rest))}")
