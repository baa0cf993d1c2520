"""Training the generator: the paper's adversarial game, our teachers, or both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganimate.errors import GanimateError
from ganimate.faces.align import CROP_SIZE
from ganimate.networks.compact import CompactTrunk
from ganimate.networks.generator import Generator
from ganimate.networks.painting import Painting, carry, compose
from ganimate.networks.warp import warp
from ganimate.training import losses
from ganimate.training.augment import Jitter, middle, random_crops
from ganimate.training.cutting import EXTENT
from ganimate.training.dataset import FaceDataset
from ganimate.training.framing import unmoved
from ganimate.training.judges import Judges, Terms
from ganimate.training.lenders import NOBODY, find_lenders, first_places, furnish
from ganimate.training.motion import Teacher
from ganimate.training.precision import lowered
from ganimate.training.recipe import GeneratorRecipe
from ganimate.training.scenes import (
    Scenes,
    chances,
    make_scenes,
    sample_targets,
    undo_targets,
)
from ganimate.training.sheet import sample_sheet
from ganimate.training.task import Task
from ganimate.weights import load_generator

if TYPE_CHECKING:
    from lightning import Fabric

    from ganimate.networks.reader import Reader


class _Batch(NamedTuple):
    """Real crops, what they show, and the exercises made of them."""

    crops: Tensor
    labels: Tensor
    scenes: Scenes


class _Painted(NamedTuple):
    """What the generator painted, the source moved along its flow, and both composed."""

    painting: Painting
    moved: Tensor
    result: Tensor


class GeneratorTask(Task[GeneratorRecipe]):
    """One step: the critic learns `updates` times, then the generator once.

    Args:
        recipe: what to do.
        train, validation: the splits.
        fabric: where and how to run.
        teacher: needed where the recipe weighs motion, undo or shading.
        reader: a frozen reader, needed where the recipe weighs it.
        known: its correlation with the labels of each action unit.
    """

    name = "generator"
    file = "generator.safetensors"
    steepest = 5.0

    def __init__(
        self,
        recipe: GeneratorRecipe,
        train: FaceDataset,
        validation: FaceDataset,
        fabric: Fabric,
        teacher: Teacher | None = None,
        reader: Reader | None = None,
        known: list[float] | None = None,
    ) -> None:
        super().__init__(recipe, train, validation, fabric)
        device = self.device
        self.generator = Generator(**recipe.network).to(device)
        self.teacher = teacher.to(device) if teacher else None
        self.lenders = NOBODY
        if self.teacher is not None:
            room = self.generator.config["lids"] or 3
            self.lenders = find_lenders(self.teacher, train, recipe.lid_lenders, room)
        self._begin_at_teacher()
        if device.type == "cuda":
            self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.painter = self._teach(self.generator)
        # What few faces show, and readers see faintly, would drown beside the smiles.
        balance = 1 / train.action_units.std(0).clamp(min=0.05)
        # Who reads an action unit badly would teach to paint stripes that it takes for it: each
        # counts by the share of the labels' variance that is explained.
        balance *= balance.new_tensor(known or [1.0]).square()
        balance /= balance.mean()
        self.judges = Judges(recipe, self.generator.size, reader, fabric, self.rng, balance)
        if self.judges.critic is not None:
            self.networks["critic"] = self.judges.critic
            self.optimisers["critic"] = self.judges.optimiser
        self.chances = chances(train.action_units, recipe.strong).to(device)

    def _begin_at_teacher(self, places: bool = True) -> None:
        """The flow starts as the teacher's on an average face, and learns the rest; likewise the
        places of pictures, unless they are learned already."""
        body = self.generator.body
        if self.teacher is not None and isinstance(body, CompactTrunk):
            body.basis.data.copy_(self.teacher.basis())
            body.release.data.copy_(self.teacher.release)
            body.folds.shading.copy_(self.teacher.shading)
            if body.inlays is not None:
                furnish(body.inlays, self.lenders, self.teacher)
                if places:
                    first = first_places(self.lenders, self.teacher)
                    body.inlays.start.data.copy_(first)

    def start_from(self, path: Path) -> None:
        """Begin with a generator's weights instead of random ones.

        Where there is a teacher its motion replaces the weights' own: it may have changed since.

        Raises:
            GanimateError: the file cannot be used, or holds a generator of another shape.
        """
        loaded, _ = load_generator(path)
        if loaded.config != self.generator.config:
            raise GanimateError(
                f"{path}: is another network than the recipe's: {loaded.config}",
                "choose a recipe with the same `network`",
            )
        self.generator.load_state_dict(loaded.state_dict())
        self._begin_at_teacher(places=False)
        self.average.network.load_state_dict(self.generator.state_dict())

    def _draw(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.multinomial(self.chances, count, replacement=True, generator=self.rng)
        images, landmarks, labels = self._take(chosen)
        crops, landmarks = random_crops(images, landmarks, self.recipe.jitter, self.rng)
        return crops, landmarks, labels

    def _exercise(self, count: int, trust: float) -> _Batch:
        """Exercises for the generator, made of real crops, which the critic sees."""
        weights = self.recipe.losses
        crops, landmarks, labels = self._draw(count)
        order = torch.randperm(count, generator=self.rng, device=crops.device)
        targets = sample_targets(labels, labels[order], self.recipe.target_noise, self.rng)
        if self.teacher is not None:
            undone = slice(0, count if weights.undo else 0, 3)
            targets[undone] = undo_targets(labels, targets, self.rng)[undone]
            scenes = make_scenes(
                self.teacher, crops, landmarks, labels, targets, undone, self.lenders, trust
            )
            return _Batch(crops, labels, scenes)
        flow = crops.new_zeros(count, 2, CROP_SIZE // 2, CROP_SIZE // 2)
        nothing = crops.new_zeros(count, 1, 1, 1)
        still = unmoved(count, crops.device)
        photos = torch.ones(count, dtype=torch.bool, device=crops.device)
        place = flow[..., ::2, ::2]
        scenes = Scenes(crops, labels, targets, crops, nothing, flow, nothing, place, still, photos)
        return _Batch(crops, labels, scenes)

    def step(self, step: int) -> dict[str, Tensor]:
        recipe, game = self.recipe, self.recipe.critic
        begins = int(recipe.motion_only * recipe.schedule.steps)
        playing = step >= begins
        trust = recipe.losses.trust if playing else 1.0
        taught = playing and self.judges.critic is not None
        heads_only = step < begins + game.warmup
        told: dict[str, Tensor] = {}

        def teach(batch: _Batch, painted: Tensor, number: int) -> dict[str, Tensor]:
            number += step * game.updates
            look = batch.scenes.reframing
            return self.judges.teach(batch.crops, batch.labels, painted, look, number, heads_only)

        for number in range(game.updates - 1 if taught else 0):
            batch = self._exercise(recipe.schedule.batch, trust)
            with torch.no_grad():
                result = self._paint(batch.scenes).result
            teach(batch, result, number)
        # The last update of the critic shares its exercises and pictures with the generator's.
        batch = self._exercise(recipe.schedule.batch, trust)
        painted = self._paint(batch.scenes)
        if taught:
            told = teach(batch, painted.result.detach(), game.updates - 1)
        contested = taught and not heads_only
        total, parts = self._generator_loss(batch.scenes, painted, playing, contested)
        self._learn(self.painter, total, step)
        return told | parts

    def _paint(self, scenes: Scenes) -> _Painted:
        painting = self._pass(scenes.source, scenes.target, scenes.current)
        moved = carry(scenes.source, painting)
        return _Painted(painting, moved, compose(scenes.source, painting, moved))

    def _pass(self, crops: Tensor, target: Tensor, current: Tensor) -> Painting:
        with lowered(self.recipe.precision, crops.device):
            painting: Painting = self.painter(crops, target, current)
        return painting

    def _generator_loss(
        self, scenes: Scenes, painted: _Painted, playing: bool, contested: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        weights, (painting, _, result) = self.recipe.losses, painted
        terms = self.judges.terms(scenes, result, contested) if playing else {}
        if weights.cycle > 0:
            back = self._pass(result, scenes.current, scenes.target)
            error = losses.cycle_error(compose(result, back), scenes.source)
            terms["cycle"] = (weights.cycle, error)
        if weights.attention > 0:
            terms["attention"] = (weights.attention, losses.attention_mean(painting.attention))
        if weights.restraint > 0:
            terms["restraint"] = (weights.restraint, losses.restraint(painting.attention))
        variation = losses.attention_variation(painting.attention)
        terms["smoothness"] = (weights.smoothness, variation)
        if self.teacher is not None:
            error = losses.flow_error(painting.flow, scenes.flow, scenes.flow_weight, CROP_SIZE)
            terms["motion"] = (weights.motion, error)
            if painting.place is not None:
                everywhere = torch.ones_like(scenes.place[:, :1])
                error = losses.flow_error(painting.place, scenes.place, everywhere, CROP_SIZE)
                terms["folded"] = (weights.motion, error)
            picture = losses.picture_error(result, scenes.truth, scenes.weight)
            terms["picture"] = (weights.picture, picture)
            terms |= self._skin_terms(scenes, painted)
        if scenes.laid is not None and painting.laid is not None:
            ours, truth = painting.laid, scenes.laid
            covers = torch.maximum(truth.mouth, truth.lids)
            error = losses.place_error(ours.place, truth.place, covers, EXTENT)
            terms["place"] = (0.1 * weights.laid, error)
            areas = ((ours.mouth, truth.mouth), (ours.lids, truth.lids))
            error = torch.stack([losses.cover_error(*area) for area in areas]).sum()
            terms["laid"] = (4 * weights.laid, error)
        total = torch.stack([weight * value for weight, value in terms.values()]).sum()
        told = {name: value.detach() for name, (_, value) in terms.items()}
        told["attention_mean"] = painting.attention.detach().mean()
        return total, told

    def _skin_terms(self, scenes: Scenes, painted: _Painted) -> Terms:
        """What holds paint outside of mouths and lids."""
        weights, terms = self.recipe.losses, Terms()
        if weights.calm == weights.excess == weights.tint == 0:
            return terms
        skin = (scenes.weight <= 1).float()
        paint = painted.result - painted.moved
        wanted = scenes.truth - warp(scenes.source, scenes.flow)
        if weights.calm > 0:
            # A real photo's own folds are no measure of what its paint should be.
            made = 1 - scenes.undo.view(-1, 1, 1, 1).to(wanted)
            error = losses.calm_error(paint - made * wanted, scenes.source, skin)
            terms["calm"] = (weights.calm, error)
        if weights.tint > 0:
            terms["tint"] = (weights.tint, losses.tint_error(painted.result, painted.moved, skin))
        if weights.excess > 0:
            error = losses.excess_error(paint, wanted, scenes.source, skin)
            terms["excess"] = (weights.excess, error)
        return terms

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Errors of the averaged generator on fixed exercises from the validation split."""
        if self.teacher is None:
            return {}
        rng = torch.Generator(self.device).manual_seed(0)
        network, totals = self.average.network, {"motion": 0.0, "picture": 0.0, "attention": 0.0}
        count = min(240, len(self.validation))
        for start in range(0, count, 24):
            stop = min(start + 24, count)
            crops, landmarks = random_crops(
                self.validation.images[start:stop].to(self.device),
                self.validation.landmarks[start:stop].to(self.device),
                Jitter(0, 0, 0, 0, 0),
                rng,
            )
            labels = self.validation.action_units[start:stop].to(crops.device)
            targets = sample_targets(labels, labels.roll(1, 0), 0.1, rng)
            undone = slice(0, None, 2)
            targets[undone] = undo_targets(labels, targets, rng)[undone]
            scenes = make_scenes(self.teacher, crops, landmarks, labels, targets, undone)
            painting = network(scenes.source, scenes.target, scenes.current)
            result = compose(scenes.source, painting)
            share = (stop - start) / count
            totals["motion"] += share * float(
                losses.flow_error(painting.flow, scenes.flow, scenes.flow_weight, CROP_SIZE)
            )
            totals["picture"] += share * float(
                losses.picture_error(result, scenes.truth, scenes.weight)
            )
            totals["attention"] += share * float(painting.attention.mean())
        return totals

    def sheet(self) -> NDArray[np.uint8] | None:
        data = self.validation
        # Calm faces first: what is painted is seen best where nothing was there before.
        calm = data.action_units.sum(1).argsort()[2:62:12]
        strong = data.action_units[:, 8].argsort(descending=True)[:2]
        rows = torch.cat([calm, strong])
        crops = middle(data.images[rows]).to(self.device)
        labels = data.action_units[rows].to(self.device)
        return sample_sheet(self.average.network, crops, labels)
