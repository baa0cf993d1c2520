"""Training the reader: supervised by labels and landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.networks.reader import Reader
from ganimate.training.augment import middle, random_crops, recolour, to_unit
from ganimate.training.dataset import FaceDataset
from ganimate.training.metrics import pearson
from ganimate.training.precision import lowered
from ganimate.training.recipe import ReaderRecipe
from ganimate.training.task import Task, evenly

if TYPE_CHECKING:
    from lightning import Fabric


class ReaderTask(Task[ReaderRecipe]):
    """One batch holds well-aligned faces, some badly aligned ones and some that are no faces.

    Badly aligned faces teach landmarks only: asked for intensities too, the network would trade
    accuracy where it matters (an aligned crop) for tolerance that nothing needs.
    """

    name = "reader"
    file = "reader.safetensors"

    def __init__(
        self,
        recipe: ReaderRecipe,
        train: FaceDataset,
        validation: FaceDataset,
        fabric: Fabric,
    ) -> None:
        super().__init__(recipe, train, validation, fabric)
        reader = Reader(**recipe.network)
        reader.mean_face.copy_(train.landmarks.mean(0))
        self.learner = self._teach(reader.to(self.device))
        self.learner.mark_forward_method("logits")
        self.balance = evenly(train.action_units).to(self.device)

    def step(self, step: int) -> dict[str, Tensor]:
        recipe = self.recipe
        batch = recipe.schedule.batch
        rough, junk = round(batch * recipe.rough_share), round(batch * recipe.junk_share)
        fine = batch - rough - junk
        count = len(self.train_set)
        chosen = torch.randint(count, (batch,), generator=self.rng, device=self.device)
        images, landmarks, labels = self._take(chosen)
        crops, points = random_crops(images[:fine], landmarks[:fine], recipe.jitter, self.rng)
        rough_crops, rough_points = random_crops(
            images[fine : fine + rough], landmarks[fine : fine + rough], recipe.rough, self.rng
        )
        junk_crops = not_faces(images[fine + rough :], self.rng)
        x = torch.cat([crops, rough_crops, junk_crops])
        x = x.contiguous(memory_format=torch.channels_last)
        self.learner.train()
        with lowered(recipe.precision, self.device):
            intensities, found, face = (raw.float() for raw in self.learner.logits(x))
        truth = torch.cat([points, rough_points])
        is_face = (torch.arange(batch, device=self.device) < fine + rough).float()
        losses = {
            "intensities": ((intensities[:fine] - labels[:fine]).square() * self.balance).mean(),
            "landmarks": (found[: fine + rough] - truth).abs().mean() / CROP_SIZE * 8,
            "face": F.binary_cross_entropy_with_logits(face, is_face),
        }
        total = (
            losses["intensities"]
            + recipe.landmark_weight * losses["landmarks"]
            + recipe.face_weight * losses["face"]
        )
        self._learn(self.learner, total, step)
        return {name: value.detach() for name, value in losses.items()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean Pearson r over the 17, each r, landmark error in crop pixels, face accuracy."""
        reader, data = self.average.network, self.validation
        read, error, sure, fooled = [], [], [], []
        rng = torch.Generator(self.device).manual_seed(0)
        for start in range(0, len(data), 64):
            images = data.images[start : start + 64].to(self.device)
            reading = reader(middle(images))
            read.append(reading.intensities)
            truth = data.landmarks[start : start + 64].to(self.device)
            error.append((reading.landmarks - truth).norm(dim=-1).mean(1))
            sure.append(reading.face)
            fooled.append(reader(not_faces(images, rng)).face)
        values = torch.cat(read).cpu().numpy()
        labels = data.action_units.numpy()
        each = pearson(values, labels)
        figures = {f"r/{i}": float(r) for i, r in enumerate(each)}
        figures["r"] = float(np.mean(each))
        figures["mae"] = float(np.abs(values - labels).mean())
        figures["landmark_error"] = float(torch.cat(error).mean())
        figures["faces_accepted"] = float((torch.cat(sure) > 0.5).float().mean())
        figures["junk_accepted"] = float((torch.cat(fooled) > 0.5).float().mean())
        return figures


def not_faces(images: Tensor, rng: torch.Generator) -> Tensor:
    """Crops that show no whole face: pieces of skin, hair and background, upside down or blended.

    Args:
        images: (n, 152, 152, 3) uint8.

    Returns:
        (n, 3, 128, 128) in [-1, 1].
    """
    n, device = len(images), images.device
    if n == 0:
        return torch.zeros(0, 3, CROP_SIZE, CROP_SIZE, device=device)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=rng, device=device)

    # A window of 0.12 to 0.42 of the picture, anywhere, shows an eye or a cheek, never a face.
    size = 0.12 + 0.3 * rand(n)
    centre = (rand(n, 2) * 2 - 1) * 0.75
    turn = torch.where(rand(n) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = size, size * turn, centre
    grid = F.affine_grid(theta, [n, 3, CROP_SIZE, CROP_SIZE], align_corners=False)
    pieces = F.grid_sample(to_unit(images), grid, padding_mode="reflection", align_corners=False)
    # A third shows shuffled quarters instead: parts of a face in impossible places.
    half = CROP_SIZE // 2
    whole = middle(images)
    shuffled = torch.cat(
        [
            torch.cat([whole[:, :, half:, half:], whole[:, :, half:, :half]], 3),
            torch.cat([whole[:, :, :half, half:], whole[:, :, :half, :half]], 3),
        ],
        2,
    )
    pick = rand(n, 1, 1, 1) < 0.33
    return recolour(torch.where(pick, shuffled, pieces), 0.3, 0.2, rng)
