"""Training the evaluation reader: action units from labels, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.training.augment import middle, random_crops
from ganimate.training.dataset import FaceDataset
from ganimate.training.metrics import pearson
from ganimate.training.precision import lowered
from ganimate.training.recipe import EvaluationRecipe
from ganimate.training.task import Task, evenly

if TYPE_CHECKING:
    from lightning import Fabric


class EvaluationTask(Task[EvaluationRecipe]):
    """Supervised regression of the 17 intensities; squared error, each unit by its variance."""

    name = "reader"
    file = "evaluation-reader.safetensors"

    def __init__(
        self,
        recipe: EvaluationRecipe,
        train: FaceDataset,
        validation: FaceDataset,
        fabric: Fabric,
    ) -> None:
        super().__init__(recipe, train, validation, fabric)
        self.learner = self._teach(EvaluationReader(**recipe.network).to(self.device))
        self.balance = evenly(train.action_units).to(self.device)

    def step(self, step: int) -> dict[str, Tensor]:
        count, batch = len(self.train_set), self.recipe.schedule.batch
        chosen = torch.randint(count, (batch,), generator=self.rng, device=self.device)
        images, landmarks, labels = self._take(chosen)
        crops, _ = random_crops(images, landmarks, self.recipe.jitter, self.rng)
        self.learner.train()
        with lowered(self.recipe.precision, self.device):
            read, _ = self.learner(crops.contiguous(memory_format=torch.channels_last))
        error = ((read.float() - labels).square() * self.balance).mean()
        self._learn(self.learner, error, step)
        return {"intensities": error.detach()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Mean Pearson r over the 17 on the validation split, and each."""
        data, reader = self.validation, self.average.network
        assert isinstance(reader, EvaluationReader)
        parts = [
            reader.read(middle(images).to(self.device))[0].cpu() for images in data.images.split(64)
        ]
        each = pearson(torch.cat(parts).numpy(), data.action_units.numpy())
        return {f"r/{i}": float(r) for i, r in enumerate(each)} | {"r": float(np.mean(each))}
