"""Fairness: whether a generator serves some groups of people worse than others.

The groups are labels that strangers put on photos (FairFace: age band, gender, group). They say
nothing of who anybody is, and serve only to find out who is served worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ganimate.errors import GanimateError
from ganimate.evaluation.control import rise, spearman
from ganimate.evaluation.realism import kernel_distance
from ganimate.training.dataset import find_shards

COLUMNS = ("age_band", "gender", "group")
FEWEST = 10
"""Faces below which a cell says nothing."""


@dataclass(frozen=True)
class Cell:
    """The faces that carry one label.

    Attributes:
        column: age_band, gender or group.
        name: the label.
        faces: how many.
        figures: rise and spearman, each the mean over action units of what `control` gives for
            these faces; realism, how much farther their painted pictures are from photos of others
            with this label than their photos are, as a kernel distance, with its sign changed so
            that for every figure less is worse; identity, the mean cosine, where it was measured.
    """

    column: str
    name: str
    faces: int
    figures: dict[str, float]


@dataclass(frozen=True)
class Seen:
    """What was measured of n faces of a split of m.

    Attributes:
        rows: (n,), where in the split they are.
        readings: (n, 17, 5, 17), of `control.sweep`.
        painted: (n, k), features of their painted pictures.
        photos: (m, k), features of all photos.
        identity: (e, n), cosines of e edits, if they were measured.
    """

    rows: Tensor
    readings: Tensor
    painted: Tensor
    photos: Tensor
    identity: NDArray[np.float64] | None


@dataclass(frozen=True)
class Fairness:
    """All cells with at least 10 faces."""

    cells: list[Cell]

    def worst(self) -> dict[str, Cell]:
        """For each figure the cell in which it is lowest."""
        names = {name: None for cell in self.cells for name in cell.figures}
        return {
            name: min(
                (cell for cell in self.cells if name in cell.figures),
                key=lambda cell: cell.figures[name],
            )
            for name in names
        }

    def to_dict(self) -> dict[str, object]:
        cells: dict[str, dict[str, object]] = {}
        for cell in self.cells:
            cells.setdefault(cell.column, {})[cell.name] = {"faces": cell.faces, **cell.figures}
        worst = {
            name: {"cell": f"{cell.column} {cell.name}", "value": cell.figures[name]}
            for name, cell in self.worst().items()
        }
        return {"cells": cells, "worst": worst}


def read_groups(dataset: Path, split: str) -> dict[str, NDArray[np.str_]]:
    """The labels of every face of a split, in its order; a column not in all shards is left out.

    Raises:
        GanimateError: a shard is missing or unreadable.
    """
    import pyarrow
    import pyarrow.parquet as parquet

    shards = find_shards(dataset, split)
    try:
        names = [set(parquet.read_schema(shard).names) for shard in shards]
        columns = [name for name in COLUMNS if all(name in held for held in names)]
        tables = [parquet.read_table(shard, columns=columns) for shard in shards]
    except (pyarrow.ArrowException, OSError) as error:
        raise GanimateError(f"{dataset}: not a readable dataset: {error}") from error
    return {
        name: np.array([str(value) for table in tables for value in table[name].to_pylist()])
        for name in columns
    }


def fairness(groups: Mapping[str, Sequence[str] | NDArray[np.str_]], seen: Seen) -> Fairness:
    """Break figures down by group.

    Args:
        groups: by column, the m faces' labels.
        seen: what was measured.
    """
    rises, orders = rise(seen.readings).numpy(), spearman(seen.readings).numpy()
    rows = seen.rows.numpy()
    cells = []
    for column, labels in groups.items():
        everyone = np.asarray(labels)
        for name in sorted(set(everyone[rows])):
            inside = everyone[rows] == name
            if inside.sum() < FEWEST:
                continue
            figures = {
                "rise": float(rises[inside].mean()),
                "spearman": float(np.median(orders[inside], axis=0).mean()),
            }
            others = everyone == name
            others[rows] = False
            if others.sum() >= FEWEST:
                reference = seen.photos[others]
                painted = kernel_distance(seen.painted[inside], reference)
                photos = kernel_distance(seen.photos[rows[inside]], reference)
                figures["realism"] = photos - painted
            if seen.identity is not None:
                figures["identity"] = float(seen.identity[:, inside].mean())
            cells.append(Cell(column, str(name), int(inside.sum()), figures))
    return Fairness(cells)
