"""From a recipe and a dataset to a trainer that is ready to run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganimate.errors import GanimateError, UsageError
from ganimate.training.recipe import (
    EvaluationRecipe,
    GeneratorRecipe,
    GlassesRecipe,
    ReaderRecipe,
    load_recipe,
)

if TYPE_CHECKING:
    from lightning import Fabric

    from ganimate.training.motion import Teacher
    from ganimate.training.trainer import Trainer

Report = Callable[[int, int, float, dict[str, float]], None]


def recipe_path(name: str) -> Path:
    """A recipe's file: a path as given, or one of ours by its name (``default``, ``paper`` ...).

    Raises:
        UsageError: there is neither.
    """
    if Path(name).suffix in (".yaml", ".yml"):
        return Path(name)
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "recipes", package.parent / "recipes"):
        if (folder / f"{name}.yaml").is_file():
            return folder / f"{name}.yaml"
    raise UsageError(
        f"no recipe {name!r}", "one of default, paper, reader, evaluation, glasses, or a .yaml file"
    )


def prepare(
    dataset: Path,
    recipe_file: Path,
    out: Path,
    *,
    fabric: Fabric,
    max_time: float | None = None,
    every: float = 300.0,
    limit: int | None = None,
    start: Path | None = None,
    report: Report | None = None,
    notify: Callable[[str], None] = lambda text: None,
) -> Trainer:
    """Load what a recipe needs and build its task and trainer.

    Args:
        dataset: folder of Parquet shards.
        recipe_file: the recipe.
        out: folder for checkpoints, weights, sheets and scalars; made if missing.
        fabric: launched; says where and how to run.
        max_time: seconds after which the run saves and ends.
        every: seconds between checkpoints and sheets.
        limit: at most this many training faces, for rehearsals.
        start: a generator's weights to begin with.
        report: called every few seconds with step, steps, images a second, losses.
        notify: told what is being done.
    """
    from torch.utils.tensorboard import SummaryWriter

    from ganimate.training.dataset import load_dataset
    from ganimate.training.evaluation_task import EvaluationTask
    from ganimate.training.generator_task import GeneratorTask
    from ganimate.training.glasses_task import GlassesTask
    from ganimate.training.reader_task import ReaderTask
    from ganimate.training.task import Task
    from ganimate.training.trainer import Trainer

    recipe = load_recipe(recipe_file)
    notify(f"reading {dataset}")
    train = load_dataset(dataset, "train", limit)
    validation = load_dataset(dataset, "validation", limit)
    out.mkdir(parents=True, exist_ok=True)
    teacher = None
    if isinstance(recipe, GeneratorRecipe) and _taught(recipe):
        teacher = load_teacher(out, notify) or _fit(train, out, notify)
    if fabric.device.type != "cpu":  # no step waits for pictures
        train = train.to(fabric.device)
    task: Task[Any]
    if isinstance(recipe, ReaderRecipe):
        task = ReaderTask(recipe, train, validation, fabric)
    elif isinstance(recipe, EvaluationRecipe):
        task = EvaluationTask(recipe, train, validation, fabric)
    elif isinstance(recipe, GlassesRecipe):
        task = GlassesTask(recipe, train, validation, fabric)
    else:
        reader, known = None, None
        if _read(recipe):
            from ganimate.networks.reader import ACTION_UNITS
            from ganimate.weights import load_reader

            reader, info = load_reader()
            found = info.metadata.get("metrics", {})
            known = [found.get(f"r/{row}", 1.0) for row in range(ACTION_UNITS)]
        task = GeneratorTask(recipe, train, validation, fabric, teacher, reader, known)
        if start is not None:
            task.start_from(start)
    scalars = SummaryWriter(str(out / "scalars")) if fabric.is_global_zero else None
    return Trainer(
        task,
        out,
        fabric=fabric,
        max_time=max_time,
        every=every,
        report=report,
        log=scalars.add_scalar if scalars else None,
    )


def _taught(recipe: GeneratorRecipe) -> bool:
    return recipe.losses.motion > 0 or recipe.losses.picture > 0 or recipe.losses.undo


def _read(recipe: GeneratorRecipe) -> bool:
    looks = recipe.losses.reader > 0 or recipe.losses.features > 0
    return looks or recipe.critic.sees == "features"


def load_teacher(out: Path, notify: Callable[[str], None]) -> Teacher | None:
    """The teachers that an earlier run fitted and left in `out`, if any."""
    from ganimate.networks.folds import SIDE
    from ganimate.training.motion import Teacher
    from ganimate.training.state import load_state

    path = out / "teacher.safetensors"
    if not path.is_file():
        return None
    notify(f"using {path}")
    state = load_state(path)
    try:
        teacher = Teacher(**{each.name: state[each.name] for each in fields(Teacher)})
    except KeyError as error:
        raise GanimateError(f"{path}: holds no teachers", "delete it and run again") from error
    if teacher.shading.shape[1:] != (1, SIDE, SIDE):
        raise GanimateError(f"{path}: another version fitted it", "delete it and run again")
    return teacher


def _fit(train: object, out: Path, notify: Callable[[str], None]) -> Teacher:
    from ganimate.training.dataset import FaceDataset
    from ganimate.training.fit import fit_teacher
    from ganimate.training.state import save_state

    assert isinstance(train, FaceDataset)
    notify("fitting the motion and shading teachers (a few minutes, once)")
    teacher = fit_teacher(train)
    save_state(out / "teacher.safetensors", dict(vars(teacher)))
    return teacher
