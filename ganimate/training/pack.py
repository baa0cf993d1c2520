"""Training state in files that are small enough to be kept beside the code.

A checkpoint is cut into parts; an index says what belongs together. Where the whole does not fit,
what is least missed is reduced first. The optimiser's moments go to bfloat16: on checkpoints of
ours that changes its updates by 0.15 % on average, and none by more than 0.03 (in units of the
learning rate; they reach 5). float16 is finer on average, but small second moments leave its range,
even as square roots, and a few updates then change by as much as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganimate.errors import GanimateError
from ganimate.files import read_file
from ganimate.output import draft, write_errors
from ganimate.training.state import flatten, load_state, save_state, unflatten

INDEX = "index.json"
PART = re.compile(r"part-\d{3}\.safetensors")
COMPANION = "teacher.safetensors"
"""What a run keeps beside its checkpoint, and needs to go on exactly."""

MOST = 2**31
"""Bytes of the longest part or index that is read."""
ENTRY = 160  # bytes of a part's header that one tensor takes at most, besides its name
MOMENTS = ("exp_avg", "exp_avg_sq")

OTHER_FIRST = 500
"""Number of the first part where an older pack in the folder begins with 0; else ours does. So
the older one stays whole until the index, written last, names the new parts."""


class Packed(NamedTuple):
    """What `pack` wrote.

    Attributes:
        files: the parts and the index.
        total: bytes of them all.
        reduced: what was reduced so that it fits, in order; empty where nothing was.
    """

    files: list[Path]
    total: int
    reduced: list[str]


def pack(
    checkpoint: Path,
    folder: Path,
    part_bytes: int = 16_000_000,
    total_bytes: int = 60_000_000,
) -> Packed:
    """Cut a checkpoint, and the teachers beside it, into parts.

    Everything stays as it is where it fits. Else, one after the other until it does: the moments
    become bfloat16; the averages float16, as they are exported; moments are left out, those of the
    larger optimiser last; all networks become float16.

    Args:
        checkpoint: what a trainer saved.
        folder: where to; made if missing. An older pack in it is replaced.
        part_bytes: no part is larger; at least 4096.
        total_bytes: nor are the parts and the index together.

    Raises:
        GanimateError: the checkpoint cannot be read, or does not fit however it is reduced.
    """
    if part_bytes < 4096:
        raise ValueError(f"parts of {part_bytes} bytes hold next to nothing")
    state = {"checkpoint": load_state(checkpoint)}
    companion = checkpoint.with_name(COMPANION)
    if companion.is_file():
        state["companion"] = load_state(companion)
    reduced: list[str] = []
    try:
        steps = _reductions(state["checkpoint"])
    except (KeyError, TypeError, AttributeError) as error:
        raise GanimateError(f"{checkpoint}: not a training checkpoint") from error
    first = _first_part(folder)
    files = _encode(state, part_bytes, reduced, first)
    while (total := sum(map(len, files.values()))) > total_bytes:
        if not steps:
            raise GanimateError(
                f"{checkpoint}: {total / 1e6:.1f} MB however it is reduced, not {total_bytes / 1e6}"
            )
        told, reduce = steps.pop(0)
        reduce()
        reduced.append(told)
        files = _encode(state, part_bytes, reduced, first)
    return Packed(_write(folder, files), total, reduced)


def unpack(folder: Path, checkpoint: Path) -> list[str]:
    """Rebuild a checkpoint, and the teachers beside it, from what `pack` wrote.

    Returns:
        What was reduced when it was packed.

    Raises:
        GanimateError: the index or a part is missing, damaged or of another pack; it is named.
    """
    from safetensors.torch import load

    index = _read_index(folder / INDEX)
    try:
        pieces: dict[str, list[Tensor]] = {name: [] for name in index["shapes"]}
        for part, digest in index["parts"].items():
            data = _read(folder / part)
            if hashlib.sha256(data).hexdigest() != digest:
                raise GanimateError(f"{folder / part}: damaged, or of another pack than {INDEX}")
            for name, piece in load(data).items():
                pieces[name].append(piece)
        whole = {k: torch.cat(pieces[k]).view(shape) for k, shape in index["shapes"].items()}
        halves = (torch.bfloat16, torch.float16)
        tensors = {k: v.float() if v.dtype in halves else v for k, v in whole.items()}
        state = unflatten(index["state"], tensors)
        # The checkpoint last: where it is, all is.
        if "companion" in state:
            save_state(checkpoint.with_name(COMPANION), state["companion"])
        save_state(checkpoint, state["checkpoint"])
    except (LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise GanimateError(f"{folder / INDEX}: does not fit its parts: {error}") from error
    return list(map(str, index["reduced"]))


def _reductions(state: dict[str, Any]) -> list[tuple[str, Callable[[], None]]]:
    """What can be given up, the least missed first: in words, and what does it to `state`."""
    networks, optimisers = state["networks"], state["optimisers"]

    def halve_moments() -> None:
        for optimiser in optimisers.values():
            for entry in optimiser["state"].values():
                entry |= {name: entry[name].bfloat16() for name in MOMENTS if name in entry}

    def halve(network: dict[str, Tensor]) -> None:
        network |= {k: v.half() for k, v in network.items() if v.is_floating_point()}

    def halve_average() -> None:
        halve(networks.get("average", {}))

    def halve_all() -> None:
        for network in networks.values():
            halve(network)

    def size(name: str) -> int:
        return sum(v.nbytes for entry in optimisers[name]["state"].values() for v in entry.values())

    return [
        ("moments in bfloat16", halve_moments),
        ("averaged weights in float16", halve_average),
        *(
            (f"no moments of the {name}", optimisers[name]["state"].clear)
            for name in sorted(optimisers, key=size)
        ),
        ("all weights in float16", halve_all),
    ]


def _first_part(folder: Path) -> int:
    try:
        index = _read_index(folder / INDEX)
    except GanimateError:  # there is none, or nothing that could be lost
        return 0
    return OTHER_FIRST if "part-000.safetensors" in index["parts"] else 0


def _encode(
    state: dict[str, Any], part_bytes: int, reduced: list[str], first: int
) -> dict[str, bytes]:
    """Names and contents of the files: the parts, and the index that tells them apart."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    rest = flatten(state, tensors)
    files = {
        f"part-{number:03d}.safetensors": save(part)
        for number, part in enumerate(_cut(tensors, part_bytes), first)
    }
    index = {
        "parts": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "shapes": {name: list(value.shape) for name, value in tensors.items()},
        "reduced": reduced,
        "state": rest,
    }
    return files | {INDEX: json.dumps(index).encode()}


def _cut(tensors: dict[str, Tensor], part_bytes: int) -> Iterator[dict[str, Tensor]]:
    """Fill parts one by one; what is left of a tensor goes into the next."""
    part: dict[str, Tensor] = {}
    room = part_bytes - ENTRY
    for name, value in tensors.items():
        flat = value.flatten()
        while name not in part:
            fits = (room - len(name) - ENTRY) // flat.element_size()
            if fits > 0:
                part[name], flat = flat[:fits], flat[fits:]
                room -= part[name].nbytes + len(name) + ENTRY
            if len(flat) or name not in part:
                yield part
                part, room = {}, part_bytes - ENTRY
    yield part


def _write(folder: Path, files: dict[str, bytes]) -> list[Path]:
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():  # the index last: it names what is whole
        with draft(folder / name, force=True) as unfinished, write_errors(folder / name):
            unfinished.write_bytes(data)
    for old in folder.iterdir():
        if PART.fullmatch(old.name) and old.name not in files:
            old.unlink(missing_ok=True)
    return [folder / name for name in files]


def _read(path: Path) -> bytes:
    try:
        return read_file(path, MOST)
    except GanimateError as error:
        raise GanimateError(error.message, "a pack is used whole: get it again") from error


def _read_index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(_read(path))
        named = all(PART.fullmatch(name) for name in index["parts"])
        if not named or not {"shapes", "reduced", "state"} <= index.keys():
            raise ValueError("a key or a part's name is not ours")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise GanimateError(f"{path}: no index of a pack: {error}") from error
    return dict(index)
