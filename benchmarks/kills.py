"""Kill real runs at random moments, and look at what they leave.

    python benchmarks/kills.py --kills 200

Each run writes over what an earlier one wrote: a picture, a film (MP4, GIF, a folder of frames) or
a training checkpoint. Half of the kills come at any moment of the run, half as soon as something
unfinished lies beside the output. Afterwards the old output or the new one must be there, byte for
byte (a checkpoint and its weights: read back), the input must be untouched, nobody may have seen a
traceback, and only after SIGKILL may something unfinished be left, by its name, which the next
run must remove.

Runs are forked from a process that has everything imported and started nothing, since threads do
not survive that, so that each takes a second; every tenth is a process of its own.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
LOOKS = ("12=1 6=0.6", "1=0.8 26=0.7")
SIDE = 220
LIMIT = 300.0
"""Seconds after which a run counts as hung."""
RECIPE = """
task: reader
schedule: {steps: 1000000, batch: 4}
network: {widths: [8, 8, 16, 16], features: 16}
"""


class Wrong(Exception):
    """What a kill must not leave."""


@dataclass
class Case:
    """A command that is killed again and again.

    Attributes:
        name: what the report calls it.
        words: the command line for the first or the second of two looks.
        output: what it writes.
        check: raises `Wrong` unless the output is whole and alone in its folder.
        seconds: how long an undisturbed run takes.
        whole: digests of the outputs of undisturbed runs.
    """

    name: str
    words: Callable[[int], list[str]]
    output: str
    check: Callable[[Case, Path], None]
    seconds: float = 0.0
    whole: dict[str, int] = field(default_factory=dict)


def digest(path: Path) -> str:
    """Of a file, or of the names and contents of a folder's files; "" of nothing."""
    if path.is_dir():
        parts = [f"{one.name} {digest(one)}" for one in sorted(path.iterdir())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def start(words: list[str], folder: Path, fresh: bool) -> int:
    """Start `ganimate` with these words in a process, and return its number."""
    child = os.fork()
    if child:
        return child
    try:
        os.chdir(folder.parent)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(folder.parent / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if fresh:
            os.environ["PYTHONPATH"] = str(ROOT)
            os.execv(sys.executable, [sys.executable, "-m", "ganimate", *words])
        sys.argv = ["ganimate", *words]
        from ganimate.__main__ import run

        status = run()
        (folder.parent / "modules").write_text("\n".join(sys.modules))
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 70
    sys.stderr.flush()
    os._exit(status)


def wait(child: int, seconds: float, until: Callable[[], bool] = lambda: False) -> int | None:
    """Wait until a process has ended, and return how; None where something else came first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def unfinished(folder: Path) -> list[str]:
    """Names of what was written aside, anywhere in a folder."""
    return [one.name for one in folder.rglob(".*") if one.name.startswith(".ganimate-")]


def rehearse(case: Case, folder: Path) -> None:
    """Run a case undisturbed, with each of the looks."""
    for look in (0, 1):
        began = time.monotonic()
        status = wait(start(case.words(look), folder, False), LIMIT)
        case.seconds = time.monotonic() - began
        if status != 0:
            raise Wrong(f"{case.name}: {status}: {(folder.parent / 'err').read_text()}")
        case.whole[digest(folder / case.output)] = look
        for name in (folder.parent / "modules").read_text().split():
            with suppress(Exception):  # some are not to be imported by themselves
                importlib.import_module(name)


def kill(case: Case, folder: Path, number: signal.Signals, chance: random.Random) -> str:
    """Run a case, kill it, and look.

    Returns:
        "old" or "new", what stands there now; "" where the run was over before.

    Raises:
        Wrong: neither does, or more than may is left, or was said.
    """
    before = digest(folder / case.output)
    look = 1 - case.whole.get(before, 1)
    fresh = chance.random() < 0.1
    child = start(case.words(look), folder, fresh)
    if chance.random() < 0.5:
        left = set(unfinished(folder))
        status = wait(child, LIMIT, lambda: bool(set(unfinished(folder)) - left))
        moment = chance.random() ** 2 * 0.3
    else:
        status, moment = None, chance.random() * case.seconds * (4 if fresh else 1)
    if status is None:
        status = wait(child, moment)
    if status is not None:
        return ""
    os.kill(child, number)
    status = wait(child, LIMIT)
    if status is None:
        os.kill(child, signal.SIGKILL)
        raise Wrong("hung")
    said = (folder.parent / "err").read_text()
    if status not in (0, -number, 128 + number) or "Traceback" in said:
        raise Wrong(f"status {status}, and said {said!r}")
    if number != signal.SIGKILL and (left_over := unfinished(folder)):
        # A run that was killed earlier may have left it, where this one came not to writing.
        mine = [name for name in left_over if f"-{child}-" in name]
        if mine:
            raise Wrong(f"left {mine}")
    case.check(case, folder)
    return "old" if digest(folder / case.output) == before else "new"


def exact(case: Case, folder: Path) -> None:
    """The output is that of an undisturbed run, and alone."""
    if digest(folder / case.output) not in case.whole:
        raise Wrong(f"{case.output} is neither the old one nor the new one")
    strange = {one.name for one in folder.iterdir()} - {case.output, *unfinished(folder)}
    if strange:
        raise Wrong(f"left {strange}")


def readable(case: Case, folder: Path) -> None:
    """Checkpoint and weights can be read, and nothing else is there."""
    from ganimate.training.state import load_state
    from ganimate.weights import load_reader

    run = folder / case.output
    strange = {one.name for one in run.iterdir()} - {"scalars", *unfinished(folder)}
    if (run / "checkpoint.safetensors").exists():
        state = load_state(run / "checkpoint.safetensors")
        if not {"step", "networks", "optimisers", "rng"} <= state.keys():
            raise Wrong("the checkpoint lacks something")
    if (run / "reader.safetensors").exists():
        load_reader(run / "reader.safetensors")
    if strange - {"checkpoint.safetensors", "reader.safetensors"}:
        raise Wrong(f"left {strange}")


def prepare(inputs: Path) -> None:
    """Make the small photo, dataset and recipe; in a process of its own, which starts threads."""
    child = os.fork()
    if not child:
        from PIL import Image

        sys.path.insert(0, str(ROOT / "tests"))
        from dataset import write_dataset

        portrait = ROOT / "examples" / "portrait.jpg"
        Image.open(portrait).resize((SIDE, SIDE)).save(inputs / "face.png")
        write_dataset(inputs, [portrait], train=8, validation=8)
        (inputs / "tiny.yaml").write_text(RECIPE)
        os._exit(0)
    if wait(child, LIMIT) != 0:
        raise Wrong("the inputs could not be made")


def cases(inputs: Path, work: Path) -> Iterator[tuple[Case, Path]]:
    """Each case, and the folder that it writes into."""
    face = str(inputs / "face.png")
    common = ["--locator", "builtin", "--offline", "--quiet"]

    def still(name: str) -> Callable[[int], list[str]]:
        return lambda look: [
            "edit", face, "--au", *LOOKS[look].split(), "-o", name, "--force", *common,
        ]  # fmt: skip

    def film(name: str) -> Callable[[int], list[str]]:
        length = ["--seconds", "0.4", "--fps", "10", "--force", *common]
        return lambda look: ["animate", face, "--to", LOOKS[look], name, *length]

    def training(run: str) -> Callable[[int], list[str]]:
        words = ["train", str(inputs), "--recipe", str(inputs / "tiny.yaml"), "--out", run]
        words += ["--every", "0s", "--max-time", "2s", "--accelerator", "cpu", "--quiet"]
        there = work / "training" / "writes" / "run" / "checkpoint.safetensors"
        return lambda look: [*words, *(["--resume"] if there.exists() else [])]

    made = [
        ("still", "out.png", still, exact),
        ("film", "out.mp4", film, exact),
        ("GIF", "out.gif", film, exact),
        ("frames", "frames", film, exact),
        ("training", "run", training, readable),
    ]
    for name, output, words, check in made:
        folder = work / name / "writes"
        folder.mkdir(parents=True)
        yield Case(name, words(f"writes/{output}"), output, check), folder


def main() -> int:
    sys.path.insert(0, str(ROOT))
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", help="still, film, GIF, frames or training")
    asked = options.parse_args()
    os.environ["GANIMATE_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    chance = random.Random(asked.seed)
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    root = Path(tempfile.mkdtemp(prefix="kills-"))
    inputs = root / "inputs"
    inputs.mkdir()
    prepare(inputs)
    untouched = digest(inputs)
    chosen = [one for one in cases(inputs, root) if asked.only in (None, one[0].name)]
    for case, folder in chosen:
        rehearse(case, folder)
        print(f"{case.name}: {case.seconds:.1f} s undisturbed", file=sys.stderr, flush=True)
    done = 0
    while done < asked.kills:
        case, folder = chosen[done % len(chosen)]
        number = SIGNALS[done // len(chosen) % len(SIGNALS)]
        name = f"{case.name} {number.name}"
        try:
            found = kill(case, folder, number, chance)
            if digest(inputs) != untouched:
                raise Wrong("the input was changed")
        except Wrong as error:
            found = "wrong"
            wrong.append(f"{name}: {error}")
            print(wrong[-1], file=sys.stderr, flush=True)
            shutil.rmtree(folder)
            folder.mkdir()
            rehearse(case, folder)
        if found:
            done += 1
            counts[f"{name} {found}"] += 1
            counts["left something unfinished"] += bool(unfinished(folder))
            print(f"{done} of {asked.kills}: {name} {found}", file=sys.stderr, flush=True)
    for case, folder in chosen:  # the next runs remove what kills left
        rehearse(case, folder)
        if left := unfinished(folder):
            wrong.append(f"{case.name}: {left} was not removed by the next run")
    print(json.dumps({"kills": done, "wrong": wrong, **dict(sorted(counts.items()))}, indent=1))
    shutil.rmtree(root)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
