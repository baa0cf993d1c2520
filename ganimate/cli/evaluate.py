"""``ganimate evaluate``: how well a generator does what it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from ganimate.cli import options
from ganimate.cli.console import Console
from ganimate.cli.options import Argument, Option
from ganimate.errors import GanimateError, UsageError

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

Split = Literal["test", "validation", "train"]


def evaluate(
    weights: Annotated[
        str,
        Argument(metavar="WEIGHTS", help="Of a generator; shipped; or, with --teacher, none."),
    ],
    dataset: Annotated[Path, Argument(metavar="DATASET", help="Folder with test-*.parquet.")],
    split: Annotated[Split, Option(help="Which part of the dataset.")] = "test",
    faces: Annotated[int, Option(min=4, help="At most this many, evenly chosen.")] = 200,
    strength: Annotated[
        float, Option(min=0.0, max=1.0, help="The share of each change to ask for.")
    ] = 1.0,
    reader: Annotated[
        Path | None, Option(metavar="FILE", help="The evaluation reader; else the shipped one.")
    ] = None,
    identity_model: Annotated[
        Path | None, Option(metavar="ONNX", help="A face recogniser, to measure identity with.")
    ] = None,
    people: Annotated[
        Path | None, Option(metavar="FOLDER", help="Photos PERSON-ANYTHING.jpg, to scale it by.")
    ] = None,
    face_model: options.FaceModel = None,
    offline: options.Offline = False,
    teacher: Annotated[
        Path | None, Option(metavar="RUN", help="Score this run's motion teacher instead.")
    ] = None,
    out: Annotated[Path, Option("--out", "-o", help="Folder for report.json and sheet.png.")] = (
        Path("runs/evaluation")
    ),
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Measure control, identity, realism, restraint and fairness on faces never trained on.

    \b
    ganimate evaluate shipped DATASET
    ganimate evaluate runs/default/generator.safetensors DATASET --split validation --faces 50
    """
    if (weights == "none") != (teacher is not None):
        raise UsageError(
            "--teacher scores a teacher instead of a generator",
            "write none for WEIGHTS with it, and only with it",
        )
    if people and not identity_model:
        raise UsageError("--people is the scale of identity", "add --identity-model")
    try:
        from ganimate.evaluation.report import Sources
        from ganimate.evaluation.report import evaluate as measure
    except ImportError as error:
        raise GanimateError(
            f"evaluating needs the package {error.name}", "pip install 'ganimate[train]'"
        ) from error

    console = Console(quiet=quiet, as_json=json)
    sources = Sources(
        dataset=dataset,
        weights=None if weights in ("shipped", "none") else Path(weights),
        teacher=teacher,
        reader=reader,
        identity_model=identity_model,
        people=people,
        face_model=face_model,
        offline=offline,
    )
    report = measure(
        sources,
        out,
        split=split,
        faces=faces,
        strength=strength,
        device=device,
        notify=console.notice,
        track=console.track,
    )
    console.result(f"{_text(report)}\n{out / 'report.json'}\n{out / 'sheet.png'}", report)


def _text(report: dict[str, Any]) -> str:
    """The tables as text, coloured where a terminal shows them."""
    from rich.console import Console as Screen

    screen = Screen()
    with screen.capture() as captured:
        screen.print(_tables(report))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _tables(report: dict[str, Any]) -> Group:
    from rich.console import Group

    return Group(_units(report["control"]), _figures(report), _targets(report["targets"]))


def _table(*columns: str) -> Table:
    """A plain table whose columns but the first hold numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left", no_wrap=bool(index))
    return table


def _units(control: dict[str, Any]) -> Table:
    names = list(control["mean"])
    table = _table("AU", *names)
    for unit, figures in [*control["action_units"].items(), ("mean", control["mean"])]:
        table.add_row(unit, *(f"{figures[name]:.3f}" for name in names))
    return table


def _figures(report: dict[str, Any]) -> Table:
    """Every other number of the report, by its path."""
    table = _table("figure", "")
    sections: dict[str, Any] = {"transfer": report["control"]["transfer"]}
    sections |= {name: report.get(name, {}) for name in ("identity", "realism", "restraint")}
    sections["worst"] = report.get("fairness", {}).get("worst", {})
    for name, value in _leaves(sections, ""):
        table.add_row(name, f"{value:.3f}" if isinstance(value, float) else str(value))
    return table


def _leaves(section: dict[str, Any], path: str) -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for name, value in section.items():
        here = f"{path} {name.replace('_', ' ')}".strip()
        leaves += _leaves(value, here) if isinstance(value, dict) else [(here, value)]
    return leaves


def _targets(targets: list[dict[str, Any]]) -> Table:
    words = {True: "[green]reached[/]", False: "[red]missed[/]", None: "not measured"}
    table = _table("target", "wanted", "found", "")
    for target in targets:
        value = "" if target["found"] is None else f"{target['found']:.4f}"
        table.add_row(target["name"], target["wanted"], value, words[target["passed"]])
    return table
