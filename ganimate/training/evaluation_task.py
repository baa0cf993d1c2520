"""Training the evaluation reader: action units from labels, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganimate.networks.evaluation_reader import EvaluationReader
from ganimate.training.augment import middle, random_crops
from ganimate.training.dataset import FaceDataset
from ganimate.training.metrics import pearson
from ganimate.training.precision import lowered
from ganimate.training.recipe import EvaluationRecipe, describe
from ganimate.training.trainer import Average, adam
from ganimate.weights import save_network

if TYPE_CHECKING:
    from lightning import Fabric


class EvaluationTask:
    """Supervised regression of the 17 intensities; squared error, each unit by its variance."""

    def __init__(
        self,
        recipe: EvaluationRecipe,
        train: FaceDataset,
        validation: FaceDataset,
        fabric: Fabric,
    ) -> None:
        self.recipe, self.train_set, self.validation = recipe, train, validation
        self.fabric, self.device = fabric, fabric.device
        torch.manual_seed(recipe.seed)
        self.rng = torch.Generator(self.device)
        self.rng.manual_seed(recipe.seed * 1000 + fabric.global_rank)
        self.reader = EvaluationReader(**recipe.network).to(self.device)
        self.average = Average(self.reader, recipe.schedule.average)
        self.networks = {"reader": self.reader, "average": self.average.network}
        self.learner, optimiser = fabric.setup(self.reader, adam(self.reader, recipe.optimiser))
        self.optimisers = {"reader": optimiser}
        self.balance = (1 / train.action_units.var(0).clamp(min=1e-3)).to(self.device)
        self.balance /= self.balance.mean()

    def step(self, step: int) -> dict[str, Tensor]:
        data = self.train_set
        batch = self.recipe.schedule.batch
        chosen = torch.randint(len(data), (batch,), generator=self.rng, device=self.device)
        chosen = chosen.to(data.images.device)
        crops, _ = random_crops(
            data.images[chosen].to(self.device),
            data.landmarks[chosen].to(self.device),
            self.recipe.jitter,
            self.rng,
        )
        self.learner.train()
        with lowered(self.recipe.precision, self.device):
            read, _ = self.learner(crops.contiguous(memory_format=torch.channels_last))
        labels = data.action_units[chosen].to(self.device)
        error = ((read.float() - labels).square() * self.balance).mean()
        self.optimisers["reader"].zero_grad(set_to_none=True)
        self.fabric.backward(error)
        self.fabric.clip_gradients(self.learner, self.optimisers["reader"], max_norm=2.0)
        self.optimisers["reader"].step()
        self.average.update(self.reader, step)
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

    def sheet(self) -> NDArray[np.uint8] | None:
        return None

    def export(self, folder: Path, images_seen: int, metrics: dict[str, float]) -> Path:
        metadata = {
            "recipe": describe(self.recipe),
            "dataset": self.train_set.fingerprint,
            "images_seen": images_seen,
            "metrics": {name: round(value, 4) for name, value in metrics.items()},
        }
        return save_network(
            folder / "evaluation-reader.safetensors", self.average.network, metadata
        )
