"""Training the glasses finder: on faces that wear drawn glasses, and on faces as they are."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ganimate.faces.glasses import WORN, seen
from ganimate.networks.glasses import GlassesFinder
from ganimate.training.augment import middle, random_crops, recolour, to_unit
from ganimate.training.dataset import FaceDataset
from ganimate.training.glasses import wear
from ganimate.training.precision import lowered
from ganimate.training.recipe import GlassesRecipe
from ganimate.training.task import Task

if TYPE_CHECKING:
    from lightning import Fabric

QUALITY = (55, 96)
"""Of the JPEGs that pictures become once glasses are drawn: what is drawn is otherwise told by its
clean edges."""
FAINT, WARY = (0.1, 0.3), 15.0
"""How much a pixel must be glasses then, and how many of them there are on a face that may wear its
own."""
RIMS = 2.0
"""How much more a pixel of glasses counts than one of a face: they are few."""


class GlassesTask(Task[GlassesRecipe]):
    """Cross entropy of each pixel, and the overlap of what is found and drawn.

    Some of the training faces wear glasses of their own, and no label says which. A network that is
    taught that these are none sees them all the same, but faintly. So from `wary_from` on those on
    which the average saw any by then teach nothing as they are. Asked as it goes on, it would find
    more and more. Glasses are
    drawn by the CPU: here alone each step waits for it.
    """

    name = "finder"
    file = "glasses.safetensors"

    def __init__(
        self, recipe: GlassesRecipe, train: FaceDataset, validation: FaceDataset, fabric: Fabric
    ) -> None:
        super().__init__(recipe, train, validation, fabric)
        self.learner = self._teach(GlassesFinder(**recipe.network).to(self.device))
        self._judge = self.networks["judge"] = copy.deepcopy(self.average.network)
        self._still = replace(recipe.jitter, colour=0.0, blur=0.0)

    def step(self, step: int) -> dict[str, Tensor]:
        recipe = self.recipe
        batch = recipe.schedule.batch
        drawn = round(batch * recipe.drawn_share)
        count = len(self.train_set)
        chosen = torch.randint(count, (batch,), generator=self.rng, device=self.device)
        images, landmarks, _ = self._take(chosen)
        crops, points = random_crops(images, landmarks, self._still, self.rng)
        rng = np.random.default_rng((recipe.seed, self.fabric.global_rank, step))
        crops, truth = dressed(crops, points, drawn, rng)
        crops = recolour(crops, recipe.jitter.colour, recipe.jitter.blur, self.rng)
        crops = crops.contiguous(memory_format=torch.channels_last)
        counts = torch.ones(batch, device=self.device)
        wary = round(recipe.wary_from * recipe.schedule.steps)
        if step == wary:
            self._judge.load_state_dict(self.average.network.state_dict())
        if step >= wary:
            with torch.no_grad(), lowered(recipe.precision, self.device):
                own = self._judge(crops[drawn:]).float().sigmoid()
            counts[drawn:] = (seen(own[:, 0], FAINT) <= WARY).float()
        self.learner.train()
        with lowered(recipe.precision, self.device):
            where = self.learner(crops).float()
        each = F.binary_cross_entropy_with_logits(where, truth, reduction="none")
        each = (each * (1 + (RIMS - 1) * truth)).mean((1, 2, 3))
        painted = where[:drawn].sigmoid()
        overlap = 2 * (painted * truth[:drawn]).sum((1, 2, 3)) + 1
        overlap = overlap / (painted.sum((1, 2, 3)) + truth[:drawn].sum((1, 2, 3)) + 1)
        losses = {
            "where": (each * counts).mean() * 10,
            "overlap": 1 - overlap.mean(),
        }
        self._learn(self.learner, losses["where"] + losses["overlap"], step)
        kept = counts[drawn:].mean()
        return {name: value.detach() for name, value in losses.items()} | {"kept": kept}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """On validation faces with drawn glasses: the overlap (intersection over union) of what is
        found and drawn, and the share taken for wearers; and that share as the faces are."""
        rng = np.random.default_rng(0)
        hits, either, worn, own, faces = 0.0, 0.0, 0, 0, 0
        for start in range(0, len(self.validation), 64):
            images = self.validation.images[start : start + 64].to(self.device)
            points = self.validation.landmarks[start : start + 64].to(self.device)
            crops, truth = dressed(middle(images), points, len(images), rng)
            found, bare = (
                self.average.network(each).sigmoid()[:, 0] for each in (crops, middle(images))
            )
            mine, theirs = found > 0.5, truth[:, 0] > 0.5
            hits += float((mine & theirs).sum())
            either += float((mine | theirs).sum())
            worn += int((seen(found) > WORN[0]).sum())
            own += int((seen(bare) > WORN[0]).sum())
            faces += len(images)
        return {"overlap": hits / either, "worn": worn / faces, "worn_undrawn": own / faces}

    @torch.no_grad()
    def sheet(self) -> NDArray[np.uint8]:
        """Validation faces as they are and with drawn glasses, each with what is found."""
        crops = middle(self.validation.images[:24].to(self.device))
        points = self.validation.landmarks[:24]
        rows = []
        for shown in (crops, dressed(crops, points, 24, np.random.default_rng(1))[0]):
            mask = self.average.network(shown).sigmoid().expand(-1, 3, -1, -1)
            for picture in ((shown + 1) / 2, mask):
                rows.append((picture.permute(2, 0, 3, 1) * 255).round().byte().flatten(1, 2))
        return torch.cat(rows).cpu().numpy()


def dressed(
    crops: Tensor, landmarks: Tensor, drawn: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """The first `drawn` crops with glasses, and all of them as JPEGs keep them.

    Args:
        crops: (n, 3, S, S) in [-1, 1].
        landmarks: (n, 478, 2), in their pixels.
        drawn: how many get glasses.
        rng: what chooses them.

    Returns:
        Crops likewise, and how far each pixel is glasses, (n, 1, S, S) in 0..1.
    """
    pixels = ((crops + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    places = landmarks.double().cpu().numpy()
    masks = np.zeros((len(pixels), 1, *pixels.shape[1:3]), np.float32)
    pictures = []
    for index, picture in enumerate(pixels):
        if index < drawn:
            picture, masks[index, 0] = wear(picture, places[index], rng)
        _, data = cv2.imencode(
            ".jpg",
            np.ascontiguousarray(picture[..., ::-1]),
            [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(*QUALITY))],
        )
        pictures.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8))
    shown, truth = torch.from_numpy(np.stack(pictures)), torch.from_numpy(masks)
    return to_unit(shown.to(crops.device)), truth.to(crops.device)
