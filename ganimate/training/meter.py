"""How fast a training runs, and how much that is of what its machine can do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from ganimate.training.precision import product_type

if TYPE_CHECKING:
    from lightning import Fabric
    from torch import Tensor

SIDES = {"cpu": 1024, "cuda": 8192, "mps": 4096}
"""Of the matrices whose product tells the peak, by the kind of device."""
ROUNDS = 8
RECOUNT = 500
"""Steps after which operations are counted anew: a recipe's stages differ in their work."""


class Meter:
    """Counts what the steps of a run do, and how long they take.

    Operations are those of convolutions and matrix products, forward and backward, as torch counts
    them. The peak is the best of some large matrix products in the same precision, made by all
    processes at once.

    Args:
        fabric: launched; says where the run is.
        precision: as recipes name it.
        batch: images in one process's step.
    """

    def __init__(self, fabric: Fabric, precision: str, batch: int) -> None:
        fabric.barrier()
        self._peak = peak(fabric.device, product_type(precision, fabric.device))
        self._processes, self._batch = fabric.world_size, batch
        self._steps = self._work = self._step_work = 0
        self._seconds = 0.0

    def take(self, step: Callable[[int], dict[str, Tensor]], number: int) -> dict[str, Tensor]:
        """Take step `number` of the run: its losses."""
        started = time.monotonic()
        if self._steps % RECOUNT == 0:
            with _Counter() as counter:
                losses = step(number)
            self._step_work = counter.operations
        else:
            losses = step(number)
        self._seconds += time.monotonic() - started
        self._steps += 1
        self._work += self._step_work
        return losses

    def figures(self) -> dict[str, float]:
        """Images a second of all processes, and the share of the peak that they reach."""
        seconds = max(self._seconds, 1e-9)
        images = self._steps * self._batch * self._processes
        return {
            "images_a_second": round(images / seconds, 2),
            "share_of_peak": round(self._work / seconds / self._peak, 4),
        }


class _Counter(TorchDispatchMode):
    """Counts operations. torch's own FlopCounterMode also tells modules apart, by hooks which
    penalties on gradients cannot pass."""

    operations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if count := flop_registry.get(func.overloadpacket):
            self.operations += count(*args, **kwargs, out_val=result)
        return result


def peak(device: torch.device, kind: torch.dtype = torch.float32) -> float:
    """Operations a second of the best of some large matrix products, in one process."""
    side = SIDES[device.type]
    # Random as real numbers are (zeros would flatter a GPU), from a source of its own: runs that
    # are resumed go on with torch's.
    rng = torch.Generator(device).manual_seed(0)
    matrix = torch.rand(side, side, generator=rng, device=device).to(kind)
    best = float("inf")
    for _ in range(ROUNDS):
        _wait(device)
        started = time.perf_counter()
        matrix @ matrix
        _wait(device)
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
