"""The report: every metric of one generator on one split, as JSON and as a contact sheet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from ganimate.engine import ReaderEngine, pick_device
from ganimate.errors import GanimateError
from ganimate.evaluation.control import control, real_rise, sweep, transfer
from ganimate.evaluation.edits import LOOKS, paint_edits
from ganimate.evaluation.fairness import Seen, fairness, read_groups
from ganimate.evaluation.identity import Embedder, Identity, People, compare_people, cosines
from ganimate.evaluation.realism import distance, finder, found, motion
from ganimate.evaluation.restraint import restraint
from ganimate.evaluation.sheet import contact_sheet
from ganimate.evaluation.subjects import (
    BATCH,
    GeneratorPainter,
    Painter,
    Reframed,
    TeacherPainter,
    Track,
    Weakened,
    choose_subjects,
)
from ganimate.evaluation.targets import judge
from ganimate.faces.align import CROP_SIZE
from ganimate.faces.mediapipe import DOUBTFUL, Landmarker
from ganimate.faces.model_file import find_model
from ganimate.media.provenance import Provenance
from ganimate.media.stills import photo_from, write_photo
from ganimate.output import draft, write_errors
from ganimate.training.augment import middle
from ganimate.training.dataset import load_dataset
from ganimate.training.run import load_teacher
from ganimate.weights import (
    WeightsInfo,
    default_weights,
    load_evaluation_reader,
    load_generator,
    read_info,
)

DIGITS = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Sources:
    """What an evaluation reads.

    Attributes:
        dataset: folder of Parquet shards.
        weights: the generator; by default the shipped one.
        teacher: a run's folder; its motion teacher is scored instead of a generator.
        reader: the evaluation reader; by default ours.
        identity_model: a face recogniser (ONNX); without one there is no identity section.
        people: photos named ``<person>-<anything>.jpg``, the scale of identity.
        face_model: MediaPipe's model; by default looked for, and fetched unless `offline`.
    """

    dataset: Path
    weights: Path | None = None
    teacher: Path | None = None
    reader: Path | None = None
    identity_model: Path | None = None
    people: Path | None = None
    face_model: Path | None = None
    offline: bool = False


def _pass_on(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    yield from items


@torch.no_grad()
def evaluate(
    sources: Sources,
    out: Path,
    *,
    split: str = "test",
    faces: int = 200,
    strength: float = 1.0,
    device: str = "auto",
    notify: Callable[[str], None] = lambda text: None,
    track: Track = _pass_on,
) -> dict[str, Any]:
    """Measure everything and write ``report.json`` and ``sheet.png``.

    Args:
        sources: what to measure, on what, with what.
        out: folder for both files, made if missing; those of an earlier evaluation are replaced.
        split: ``test``, ``validation`` or ``train``.
        faces: at most this many of the split, evenly chosen; at least 4.
        strength: the share of each change that is asked for, 0..1.
        device: as for an engine.
        notify: told what a person should know.
        track: shows how far it is.

    Returns:
        What is in report.json; docs/evaluate.md explains it.

    Raises:
        GanimateError: a file is missing or is not what it should be.
        UsageError: there is no such device, or no face model where one was named.
    """
    # What can be wrong with any file is found out before the long work.
    where = pick_device(device)
    paint, made = _painter(sources, where)
    if strength < 1:
        paint, made = Weakened(paint, strength), made | {"strength": strength}
    reader, reader_info = load_evaluation_reader(sources.reader)
    _check_size(reader_info)
    read = reader.requires_grad_(False).to(where).read
    current_reader = ReaderEngine.default(device=device)
    embed = Embedder(sources.identity_model) if sources.identity_model else None
    data = load_dataset(sources.dataset, split)
    groups = read_groups(sources.dataset, split)
    out = _folder(out)
    landmarker = _landmarker(sources, notify)
    subjects = choose_subjects(data, faces, current_reader)
    people = _people(embed, sources, notify)

    met = Reframed(paint, current_reader)
    readings = sweep(met, read, subjects, track)
    batches = (middle(part).to(where) for part in track(*_batches(data.images), "reading photos"))
    photos, photo_features = (torch.cat(all_) for all_ in zip(*map(read, batches), strict=True))
    photos, photo_features = photos.cpu(), photo_features.cpu()
    controlled = control(readings, real_rise(photos, data.action_units))
    transferred, features = transfer(met, read, subjects, track)
    edits = paint_edits(paint, subjects, track)
    restrained = restraint(paint, subjects, edits)
    likeness = cosines(embed, subjects, edits.pictures, track) if embed else None
    identity = None
    if likeness is not None:
        looks = dict(zip(LOOKS, likeness.mean(1).tolist(), strict=True))
        identity = Identity(float(likeness.mean()), looks, people)
    realism: dict[str, Any] = {
        "kernel_distance": asdict(distance(features, photo_features, subjects.rows))
    }
    still_found = None
    if landmarker:
        find = finder(landmarker)
        still_found = found(find, subjects, edits.pictures)
        realism["found"] = asdict(still_found)
        realism["motion"] = asdict(motion(paint, find, subjects, track))
        landmarker.close()
    targets = judge(controlled, transferred, restrained, identity, still_found)

    report: dict[str, Any] = {
        "weights": made,
        "reader": current_reader.info.fingerprint,
        "glasses": read_info(default_weights("glasses")).fingerprint,
        "evaluation_reader": {
            "fingerprint": reader_info.fingerprint,
            "r": reader_info.metadata.get("metrics", {}).get("r"),
        },
        "dataset": {
            "fingerprint": data.fingerprint,
            "split": split,
            "faces": len(subjects),
            "of": len(data),
        },
        "control": controlled.to_dict() | {"transfer": transferred.to_dict()},
        "realism": realism,
        "restraint": asdict(restrained),
    }
    if identity:
        report["identity"] = identity.to_dict()
    if groups:
        seen = Seen(subjects.rows, readings, features, photo_features, likeness)
        report["fairness"] = fairness(groups, seen).to_dict()
    report["targets"] = [target.to_dict() for target in targets]
    report = _rounded(report)

    sheet = photo_from(contact_sheet(paint, subjects))
    stated = Provenance("a sheet of action units and expressions", made["fingerprint"])
    write_photo(sheet, out / "sheet.png", provenance=stated, force=True)
    told = out / "report.json"
    with draft(told, force=True) as unfinished, write_errors(told):
        unfinished.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", "utf-8")
    return report


def _painter(sources: Sources, device: torch.device) -> tuple[Painter, dict[str, Any]]:
    """Who paints, and what the report says of them."""
    if sources.teacher:
        path = sources.teacher / "teacher.safetensors"
        teacher = load_teacher(sources.teacher, lambda text: None)
        if teacher is None:
            raise GanimateError(f"{path}: there is no motion teacher", "name a run's folder")
        fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        return TeacherPainter(teacher.to(device)), {
            "kind": "motion teacher",
            "fingerprint": fingerprint,
        }
    network, info = load_generator(sources.weights)
    _check_size(info)
    return GeneratorPainter(network.requires_grad_(False).to(device)), {
        "kind": "generator",
        "fingerprint": info.fingerprint,
        "images_seen": info.metadata.get("images_seen"),
    }


def _batches(images: torch.Tensor) -> tuple[Sequence[torch.Tensor], int]:
    parts = images.split(BATCH)
    return parts, len(parts)


def _check_size(info: WeightsInfo) -> None:
    size = info.config.get("size", CROP_SIZE)
    if size != CROP_SIZE:
        raise GanimateError(f"{info.path}: sees crops of {size} pixels, the dataset's {CROP_SIZE}")


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GanimateError(f"{out}: cannot be made a folder: {error.strerror}") from error
    return out


def _people(
    embed: Embedder | None, sources: Sources, notify: Callable[[str], None]
) -> People | None:
    if not (embed and sources.people):
        return None
    return compare_people(
        embed,
        sources.people,
        face_model=sources.face_model,
        offline=sources.offline,
        notify=notify,
    )


def _landmarker(sources: Sources, notify: Callable[[str], None]) -> Landmarker | None:
    try:
        model = find_model(sources.face_model, offline=sources.offline, notify=notify)
        return Landmarker(model, DOUBTFUL)
    except GanimateError as error:
        if sources.face_model:
            raise
        notify(f"not looking for faces in the pictures: {error.message}")
        return None


def _rounded(value: Any) -> Any:
    """The same JSON with numbers short enough to read and to compare."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return value
