"""What the loop trains: a network, its average, and how a step changes them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganimate.training.dataset import FaceDataset
from ganimate.training.recipe import Adam, Recipe, describe
from ganimate.weights import save_network

if TYPE_CHECKING:
    from lightning import Fabric

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


class Average:
    """An exponential moving average of a network's weights and buffers."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Follow `network`; early steps count more, so that the average starts at once."""
        decay = min(self.decay, (1 + step) / (10 + step))
        ours = self.network.state_dict()
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                ours[name].lerp_(value, 1 - decay)
            else:
                ours[name].copy_(value)


class Task(ABC, Generic[AnyRecipe]):
    """One network that learns, in `step`, and is shown, measured and written.

    Attributes:
        rng: what all exercises are drawn with.
        networks: everything that learns, and the averaged copies; saved in checkpoints.
        optimisers: likewise.
        average: the network that is exported.
    """

    name: str
    """Of the network, among `networks` and `optimisers`."""
    file: str
    """What its weights are called."""
    steepest = 2.0
    """The norm that gradients are clipped to."""

    average: Average

    def __init__(
        self, recipe: AnyRecipe, train: FaceDataset, validation: FaceDataset, fabric: Fabric
    ) -> None:
        self.recipe, self.train_set, self.validation = recipe, train, validation
        self.fabric, self.device = fabric, fabric.device
        torch.manual_seed(recipe.seed)
        self.rng = torch.Generator(self.device)
        self.rng.manual_seed(recipe.seed * 1000 + fabric.global_rank)
        self.networks: dict[str, nn.Module] = {}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}

    @abstractmethod
    def step(self, step: int) -> dict[str, Tensor]:
        """Update the networks once; return the losses, still on the device."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Figures of the average on the validation split."""

    def sheet(self) -> NDArray[np.uint8] | None:
        """A picture of what the average does now, HWC uint8 RGB; None where there is none."""
        return None

    def export(self, folder: Path, images_seen: int, metrics: dict[str, float]) -> Path:
        """Write the weights to use."""
        metadata: dict[str, Any] = {
            "recipe": describe(self.recipe),
            "dataset": self.train_set.fingerprint,
            "images_seen": images_seen,
            "metrics": {name: round(value, 5) for name, value in metrics.items()},
        }
        return save_network(folder / self.file, self.average.network, metadata)

    def _teach(self, network: nn.Module) -> Any:
        """Make `network` the one that learns; returns it as the device wants it called."""
        self.average = Average(network, self.recipe.schedule.average)
        self.networks |= {self.name: network, "average": self.average.network}
        learner, self.optimisers[self.name] = self.fabric.setup(
            network, adam(network, self.recipe.optimiser)
        )
        return learner

    def _learn(self, learner: nn.Module, loss: Tensor, step: int) -> None:
        """Take one step down `loss`."""
        optimiser = self.optimisers[self.name]
        optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(
            learner, optimiser, max_norm=self.steepest, error_if_nonfinite=False
        )
        optimiser.step()
        self.average.update(self.networks[self.name], step)

    def _take(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures, landmarks and labels of these training faces, on the device."""
        data = self.train_set
        rows = rows.to(data.images.device)
        parts = (data.images[rows], data.landmarks[rows], data.action_units[rows])
        images, landmarks, labels = (part.to(self.device) for part in parts)
        return images, landmarks, labels


def adam(network: nn.Module, settings: Adam) -> torch.optim.Optimizer:
    """Adam (AdamW where decay is set), one fused kernel where the device has one."""
    return torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad],
        lr=settings.rate,
        betas=(settings.beta1, settings.beta2),
        weight_decay=settings.decay,
        fused=next(network.parameters()).is_cuda,
    )


def evenly(labels: Tensor) -> Tensor:
    """Weights (k,), 1 on average, under which errors of all columns of labels (n, k) count alike: a
    rare strong action unit should weigh as much as a common one."""
    weights = 1 / labels.var(0).clamp(min=1e-3)
    return weights / weights.mean()
