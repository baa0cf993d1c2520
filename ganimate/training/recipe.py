"""Recipes: what to train and how, as data (YAML), checked key by key."""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganimate.errors import GanimateError, UsageError
from ganimate.files import read_yaml
from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.networks.generator import Generator
from ganimate.networks.glasses import GlassesFinder
from ganimate.networks.reader import Reader
from ganimate.training.augment import Jitter
from ganimate.training.precision import PRECISIONS

BELOW_1 = 1 - 1e-9
MOST = 2**20


@dataclass(frozen=True)
class Adam:
    """Adam's settings; `decay` is AdamW's decoupled weight decay."""

    rate: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999
    decay: float = 0.0

    def __post_init__(self) -> None:
        _check_range(self, 0, BELOW_1, "beta1", "beta2")


@dataclass(frozen=True)
class Schedule:
    """How long and how often.

    Attributes:
        steps: generator (or reader) updates in all.
        batch: samples an update, a process.
        warmup: share of the steps over which the rate grows from 0.
        decay_from: share of the steps after which the rate falls to 0 along a cosine.
        average: decay of the exponential moving average of the weights that are exported.
    """

    steps: int = 10_000
    batch: int = 16
    warmup: float = 0.0
    decay_from: float = 0.5
    average: float = 0.999

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1:
            raise UsageError("steps and batch are whole numbers from 1")
        _check_range(self, 0, 1, "warmup", "decay_from")
        _check_range(self, 0, BELOW_1, "average")


@dataclass(frozen=True)
class ReaderRecipe:
    """How the reader is trained (supervised)."""

    task: str
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: Adam = field(default_factory=Adam)
    network: dict[str, Any] = field(default_factory=dict)
    jitter: Jitter = field(default_factory=Jitter)
    rough: Jitter = field(default_factory=lambda: Jitter(shift=0.2, turn=30.0, scale=0.3))
    rough_share: float = 0.25
    """Share of a batch that is badly aligned: there only landmarks and face are learned."""
    junk_share: float = 0.1
    """Share of a batch that shows no whole face."""
    landmark_weight: float = 1.0
    face_weight: float = 0.1
    precision: str = "32-true"
    """Of convolutions and products, as a generator's."""
    seed: int = 1

    def __post_init__(self) -> None:
        _check_precision(self.precision)
        _check_network(Reader, self.network)
        _check_range(self, 0, 1, "rough_share", "junk_share")
        if self.rough_share + self.junk_share > 1:
            raise UsageError("rough_share and junk_share are more than a batch together")


@dataclass(frozen=True)
class EvaluationRecipe:
    """How the evaluation reader is trained (supervised)."""

    task: str
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: Adam = field(default_factory=Adam)
    network: dict[str, Any] = field(default_factory=dict)
    jitter: Jitter = field(default_factory=Jitter)
    precision: str = "32-true"
    """Of convolutions and products, as a generator's."""
    seed: int = 11

    def __post_init__(self) -> None:
        _check_precision(self.precision)
        _check_network(EvaluationReader, self.network)


@dataclass(frozen=True)
class GlassesRecipe:
    """How the glasses finder is trained (on glasses that are drawn)."""

    task: str
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: Adam = field(default_factory=Adam)
    network: dict[str, Any] = field(default_factory=dict)
    jitter: Jitter = field(default_factory=Jitter)
    drawn_share: float = 0.5
    """Share of a batch that wears drawn glasses."""
    wary_from: float = 0.4
    """Share of the steps after which faces as they are teach nothing where they seem to wear some
    of their own."""
    precision: str = "32-true"
    """Of convolutions and products, as a generator's."""
    seed: int = 5

    def __post_init__(self) -> None:
        _check_precision(self.precision)
        _check_network(GlassesFinder, self.network)
        _check_range(self, 0, 1, "drawn_share", "wary_from")


@dataclass(frozen=True)
class Losses:
    """Weights of the generator's losses; 0 leaves one out (and its cost).

    Attributes:
        adversarial, action_units, cycle, attention, smoothness: as in the paper.
        restraint: our opposite of `attention`: keeps A at 1 where paint is not needed.
        motion, picture: the teachers' flow and picture.
        calm: total variation of paint outside of mouths and lids, where `motion` and `picture` are.
        excess: mean square of how far skin is from its truth beyond what is forgiven, likewise.
        tint: distance of painted skin from a mere shade of the photo's own colours, likewise.
        undo: a third of a batch are exercises with a real photo as the truth.
        reader: a frozen reader's error on what was painted.
        laid: how well mouths are placed between lips and lids over eyes, where the network can.
        features: L1 between a frozen reader's features of the picture and of its truth.
        trust: how much the teachers' own pictures count, against real ones, once `motion_only` is
            over: they lack the folds and teeth that the game is to add.
    """

    adversarial: float = 1.0
    action_units: float = 160.0
    cycle: float = 10.0
    attention: float = 0.1
    smoothness: float = 1e-5
    restraint: float = 0.0
    motion: float = 0.0
    picture: float = 0.0
    calm: float = 0.0
    excess: float = 0.0
    tint: float = 0.0
    undo: bool = False
    reader: float = 0.0
    features: float = 0.0
    laid: float = 1.0
    trust: float = 1.0


@dataclass(frozen=True)
class Critic:
    """The critic and its game.

    Attributes:
        sees: ``pixels`` (the paper's), or a frozen reader's ``features``.
        loss: ``wgan-gp`` (the paper) or ``hinge`` (with lazy R1).
        updates: critic updates for each generator update.
        penalty: weight of the gradient penalty (WGAN-GP's lambda, or R1's gamma).
        penalty_every: R1 is computed on every n-th critic update and weighed n times.
        width: channels after the first layer.
        cap: most channels of any layer.
        layers: stride-2 layers.
        warmup: steps in which only the critic's action-unit head learns, from labels.
        augment: blur, shift and colour change of what the critic sees, real and fake alike.
    """

    sees: str = "pixels"
    loss: str = "wgan-gp"
    updates: int = 5
    penalty: float = 10.0
    penalty_every: int = 1
    width: int = 64
    cap: int = 2048
    layers: int = 6
    warmup: int = 0
    augment: bool = False

    def __post_init__(self) -> None:
        _check_range(self, 1, MOST, "updates", "penalty_every", "width", "cap", "layers")
        if self.sees not in ("pixels", "features"):
            raise UsageError(f"critic: sees {self.sees!r}", "pixels or features")
        if self.loss not in ("wgan-gp", "hinge"):
            raise UsageError(f"critic: loss {self.loss!r}", "wgan-gp or hinge")
        if self.sees == "features" and (self.loss != "hinge" or self.penalty):
            raise UsageError(
                "critic: gradients are punished where it sees pixels",
                "sees: features goes with loss: hinge and penalty: 0",
            )


@dataclass(frozen=True)
class GeneratorRecipe:
    """How the generator is trained.

    Attributes:
        network: arguments of ``networks.generator.Generator``.
        motion_only: share of the steps, at the start, in which only the teachers teach; critic and
            reader join after it.
        target_noise: targets are another face's intensities plus uniform(-noise, noise).
        strong: how much more often faces with rare, strong action units are drawn (0 = evenly).
        lid_lenders: training pictures (their paths in the dataset) whose closed eyes are lent to
            open ones; as many as `network` has room for (`lids`). Empty, or none of them in the
            dataset: the most closed eyes by label.
        precision: of convolutions and products: ``32-true``; ``bf16-mixed``, bfloat16; or
            ``auto``, bfloat16 where the device multiplies it natively.
    """

    task: str
    schedule: Schedule = field(default_factory=Schedule)
    optimiser: Adam = field(default_factory=Adam)
    network: dict[str, Any] = field(default_factory=dict)
    critic: Critic = field(default_factory=Critic)
    losses: Losses = field(default_factory=Losses)
    jitter: Jitter = field(default_factory=Jitter)
    motion_only: float = 0.0
    target_noise: float = 0.1
    strong: float = 0.0
    lid_lenders: list[str] = field(default_factory=list)
    precision: str = "32-true"
    seed: int = 1

    def __post_init__(self) -> None:
        _check_precision(self.precision)
        _check_network(Generator, self.network)
        _check_range(self, 0, 1, "motion_only", "target_noise")


Recipe = ReaderRecipe | EvaluationRecipe | GlassesRecipe | GeneratorRecipe
TASKS: dict[str, type[Recipe]] = {
    "reader": ReaderRecipe,
    "evaluation": EvaluationRecipe,
    "glasses": GlassesRecipe,
    "generator": GeneratorRecipe,
}


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        UsageError: the file is missing, is not YAML, or has a key or value that no one reads.
    """
    try:
        data = read_yaml(path)
    except GanimateError as error:
        raise UsageError(error.message, error.hint) from error
    task = data.get("task") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(task, str) or task not in TASKS:
        raise UsageError(f"{path}: needs `task: {'` or `task: '.join(TASKS)}`")
    recipe = _build(TASKS[task], data, str(path))
    assert isinstance(recipe, Recipe)
    return recipe


def _build(kind: type[Any], data: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(map(str, data)) - set(hints))
    if unknown:
        raise UsageError(
            f"{where}: unknown key {unknown[0]!r}", f"known here: {', '.join(sorted(hints))}"
        )
    values = {}
    for key, value in data.items():
        hint = hints[key]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            if not isinstance(value, dict):
                raise UsageError(f"{where}: {key} must be a mapping")
            values[key] = _build(hint, value, f"{where}: {key}")
        elif hint is float and _is_finite(value):
            values[key] = float(value)
        elif _is_of(value, hint):
            values[key] = value
        else:
            raise UsageError(f"{where}: {key} must be a {getattr(hint, '__name__', hint)}")
    try:
        return kind(**values)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", error.hint) from None


def _is_of(value: object, hint: Any) -> bool:
    """Whether a value is an int, bool, str, dict or list of its hint's kind."""
    if isinstance(value, bool) or hint is float:
        return hint is bool
    if isinstance(value, list):
        return hint == list[str] and all(isinstance(one, str) for one in value)
    return isinstance(value, typing.get_origin(hint) or hint)


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def describe(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain data, for metadata and checkpoints."""
    return dataclasses.asdict(recipe)


def _check_precision(name: str) -> None:
    if name not in PRECISIONS:
        raise UsageError(f"precision: {name!r}", f"one of {', '.join(PRECISIONS)}")


def _check_range(recipe: object, least: float, most: float, *names: str) -> None:
    for name in names:
        value = getattr(recipe, name)
        if not least <= value <= most:
            raise UsageError(f"{name}: {value:g} is out of range", f"{least:g} to {most:g}")


def _check_network(kind: type[nn.Module], arguments: dict[str, Any]) -> None:
    """Build it, but without memory for its weights."""
    try:
        with torch.device("meta"):
            kind(**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        message = str(error).removeprefix(f"{kind.__name__}.__init__() ")
        raise UsageError(f"network: {message}") from None
