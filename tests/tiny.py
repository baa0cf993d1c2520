"""Tiny training runs for tests: a few steps of small networks, and who runs them on the CPU."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from ganimate.training.run import prepare
from ganimate.training.trainer import Trainer

TINY: dict[str, dict[str, Any]] = {
    "generator": {
        "schedule": {"steps": 4, "batch": 4},
        "network": {"trunk": "compact", "width": 16, "blocks": 1},
        "critic": {
            "loss": "hinge", "updates": 1, "penalty_every": 2, "width": 4, "layers": 5, "cap": 8,
            "augment": True,
        },
        "losses": {"motion": 1.0, "picture": 1.0, "undo": True, "reader": 0.1, "cycle": 1.0},
    },
    "finish": {
        "task": "generator",
        "schedule": {"steps": 4, "batch": 4},
        "network": {
            "trunk": "compact", "width": 16, "blocks": 1, "fine": 8, "lids": 2,
        },
        "critic": {
            "sees": "features", "loss": "hinge", "updates": 2, "penalty": 0.0, "width": 4,
            "augment": True,
        },
        "losses": {
            "action_units": 0.0, "cycle": 0.0, "motion": 1.0, "picture": 1.0, "undo": True,
            "reader": 0.1, "features": 0.1, "trust": 0.3,
        },
        "lid_lenders": ["train/2.jpg", "train/1.jpg", "someone/else.jpg"],
    },
    "evaluation": {
        "schedule": {"steps": 4, "batch": 8},
        "network": {"widths": [8, 8, 8, 8, 8], "features": 16},
    },
    "glasses": {
        "schedule": {"steps": 4, "batch": 8},
        "network": {"widths": [4, 8, 8]},
        "wary_from": 0.0,
    },
    "reader": {
        "schedule": {"steps": 4, "batch": 8},
        "network": {"widths": [8, 8, 16, 16], "features": 16},
        "rough_share": 0.25,
        "junk_share": 0.25,
    },
}  # fmt: skip


def tiny(folder: Path, task: str, **changes: Any) -> Path:
    path = folder / f"{task}.yaml"
    path.write_text(yaml.safe_dump({"task": task} | TINY[task] | changes))
    return path


def trainer(dataset: Path, recipe: Path, out: Path, start: Path | None = None) -> Trainer:
    from lightning import Fabric

    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    # Teachers that the first run fits serve all.
    fitted, here = dataset / "teacher.safetensors", out / "teacher.safetensors"
    brought = here.exists()
    if recipe.stem in ("generator", "finish") and fitted.exists() and not brought:
        out.mkdir(exist_ok=True)
        shutil.copy(fitted, here)
    made = prepare(dataset, recipe, out, fabric=fabric, start=start)
    if here.exists() and not fitted.exists() and not brought:
        shutil.copy(here, fitted)
    return made
