"""The training loop: every task (reader, generator) is driven by the one loop on this page."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganimate.errors import GanimateError
from ganimate.output import draft, write_errors
from ganimate.training.meter import Meter
from ganimate.training.recipe import Schedule
from ganimate.training.state import load_state, save_state
from ganimate.training.task import Task

if TYPE_CHECKING:
    from lightning import Fabric


def rate_at(progress: float, schedule: Schedule) -> float:
    """Share of the full rate at `progress` (0..1): linear warm-up, flat, cosine to zero."""
    if progress < schedule.warmup:
        return (progress + 1e-6) / schedule.warmup
    if progress <= schedule.decay_from:
        return 1.0
    return 0.5 + 0.5 * math.cos(
        math.pi * min(1.0, (progress - schedule.decay_from) / (1 - schedule.decay_from))
    )


class Trainer:
    """Runs a task to its last step or its last minute, whichever comes first.

    Args:
        task: what to train.
        out: folder for checkpoint.safetensors, weights, sheets and TensorBoard's scalars.
        max_time: seconds after which the run saves and ends; None for no limit.
        every: seconds between checkpoints and sample sheets.
        report: called every other second with (step, steps, images a second, losses).
        log: called with (tag, value, step) for scalars.
        fabric: launched; where several processes train together, they also stop together.
    """

    def __init__(
        self,
        task: Task[Any],
        out: Path,
        *,
        fabric: Fabric,
        max_time: float | None = None,
        every: float = 300.0,
        report: Callable[[int, int, float, dict[str, float]], None] | None = None,
        log: Callable[[str, float, int], None] | None = None,
    ) -> None:
        self.task, self.out, self.max_time, self.every = task, out, max_time, every
        self.report, self.log, self.fabric = report, log, fabric
        self.meter: Meter | None = None
        self.step = 0
        self.images_seen = 0
        self.stopped = False

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.safetensors"

    def run(self) -> dict[str, float]:
        """Train; return the last validation figures. Always ends with a saved checkpoint."""
        schedule = self.task.recipe.schedule
        precision = getattr(self.task.recipe, "precision", "32-true")
        self.meter = Meter(self.fabric, precision, schedule.batch)
        started = saved = told = time.monotonic()
        told_step = self.step
        losses: dict[str, Tensor] = {}
        with self._stop_on_signals():
            while self.step < schedule.steps and not self.stopped:
                share = rate_at(self.step / schedule.steps, schedule)
                for optimiser in self.task.optimisers.values():
                    for group in optimiser.param_groups:
                        group["lr"] = group.setdefault("full_rate", group["lr"]) * share
                losses = self.meter.take(self.task.step, self.step)
                self.step += 1
                self.images_seen += schedule.batch * self.fabric.world_size
                now = time.monotonic()
                if now - told > 2:
                    seen = (self.step - told_step) * schedule.batch * self.fabric.world_size
                    self._tell(losses, seen / (now - told))
                    told, told_step = now, self.step
                if self.max_time is not None and now - started > self.max_time:
                    self.stopped = True
                self.stopped = self._anyone(self.stopped)
                if now - saved > self.every and not self.stopped:
                    saved = now
                    self.save()
            return self.save()

    def save(self) -> dict[str, float]:
        """Checkpoint, sample sheet, validation figures and exported weights."""
        if not self.fabric.is_global_zero:
            return {}
        save_state(self.checkpoint, self.state())
        metrics = self.task.validate()
        for name, value in metrics.items():
            if self.log:
                self.log(f"validation/{name}", value, self.step)
        sheet = self.task.sheet()
        if sheet is not None:
            from PIL import Image

            path = self.out / f"sheet-{self.step:07d}.png"
            with draft(path, force=True) as unfinished, write_errors(path):
                Image.fromarray(sheet).save(unfinished)
        self.task.export(self.out, self.images_seen, metrics)
        return metrics

    def state(self) -> dict[str, Any]:
        """All that is needed to go on exactly."""
        return {
            "step": self.step,
            "images_seen": self.images_seen,
            "rng": self.task.rng.get_state(),
            "torch_rng": torch.get_rng_state(),
            "networks": {k: v.state_dict() for k, v in self.task.networks.items()},
            "optimisers": {k: v.state_dict() for k, v in self.task.optimisers.items()},
        }

    def resume(self) -> None:
        """Go on from this run's checkpoint."""
        path = self.checkpoint
        state = load_state(path)
        try:
            for name, network in self.task.networks.items():
                network.load_state_dict(state["networks"][name])
            for name, optimiser in self.task.optimisers.items():
                saved = state["optimisers"][name]
                for ours, theirs in zip(optimiser.param_groups, saved["param_groups"], strict=True):
                    theirs["fused"] = ours["fused"]  # which is this device's business
                optimiser.load_state_dict(saved)
            torch.set_rng_state(state["torch_rng"])
            self.step, self.images_seen = int(state["step"]), int(state["images_seen"])
            rng, drawn = self.task.rng, state["rng"]
            # Other processes draw other samples than the first, whose state it is, and another
            # kind of device has another kind of generator.
            if self.fabric.global_rank or drawn.shape != rng.get_state().shape:
                rng.manual_seed(self.step * 1000 + self.fabric.global_rank)
            else:
                rng.set_state(drawn)
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise GanimateError(
                f"{path}: does not fit this recipe: {str(error).splitlines()[0]}",
                "resume with the recipe that made it",
            ) from error

    def _anyone(self, stopped: bool) -> bool:
        """Whether any process was asked to stop: one that stopped alone would hang the others."""
        if self.fabric.world_size == 1:
            return stopped
        vote = torch.tensor(float(stopped), device=self.fabric.device)
        together = self.fabric.all_reduce(vote, reduce_op="max")
        assert isinstance(together, Tensor)
        return together.item() > 0

    def _tell(self, losses: dict[str, Tensor], speed: float) -> None:
        values = {name: float(value) for name, value in losses.items()}
        if self.report:
            self.report(self.step, self.task.recipe.schedule.steps, speed, values)
        if self.log:
            for name, value in values.items():
                self.log(f"train/{name}", value, self.step)
            self.log("train/images_a_second", speed, self.step)

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the loop after the step in hand, so that the state is saved."""

        def stop(_signal: int, _frame: object) -> None:
            self.stopped = True

        previous = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
