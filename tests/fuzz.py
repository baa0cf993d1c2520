"""Feed the parsers what nobody would write, guided by which lines of ours that reaches.

    pip install atheris
    python tests/fuzz.py                          # every parser, a minute each
    python tests/fuzz.py story -max_total_time=600
    python tests/fuzz.py story crash-1f2e3d       # once more, what was found

Whatever it is given, a parser answers, or raises our own error with the file's name in it, within
10 seconds and 2 GB. Options that begin with a dash are libFuzzer's; the tests do not run this.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ganimate", "yaml"]):
    from ganimate import facs, timeline
    from ganimate.errors import GanimateError
    from ganimate.media import provenance, source, statement, stills
    from ganimate.training import dataset, pack, recipe, state
    from ganimate.verify import verify
    from ganimate.weights import load_generator, load_reader, read_info

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
LIMITS = ("-timeout=10", "-rss_limit_mb=2048", "-max_len=60000")
STATED = provenance.Provenance({"AU12": 0.8}, "fuzz")


class Nobody:
    """A locator that finds no face: what is fuzzed is what files say."""

    def locate(self, pixels: object) -> list[object]:
        return []


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def read_as(suffix: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """A parser of files, whose errors must name the file."""

    def fuzz(data: bytes) -> None:
        path = FOLDER / f"fuzzed{suffix}"
        path.write_bytes(data)
        try:
            read(path)
        except GanimateError as error:
            if path.stem not in str(error):
                raise AssertionError(f"the error does not name the file: {error}") from error

    return fuzz


def look(data: bytes) -> None:
    for parse in (
        lambda words: facs.parse_look(words, facs.ActionUnits()),
        lambda words: facs.parse_assignments(words.split("|")),
        lambda words: timeline.Timeline.parse(words).trajectory(facs.ActionUnits()),
    ):
        with suppress(GanimateError):
            parse(text(data))


def weights(path: Path) -> None:
    """As they are, and with the fuzzed text as the metadata of an otherwise right file."""
    data = path.read_bytes()
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for content in (text(data), None):
        if content is not None:
            told = {"__metadata__": {"ganimate": content}, "w": tensor}
            header = json.dumps(told).encode("utf-8", "surrogatepass")
            path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        else:
            path.write_bytes(data)
        for read in (read_info, load_generator, load_reader):
            try:
                read(path)
            except GanimateError as error:
                if path.stem not in str(error):
                    raise AssertionError(f"the error does not name the file: {error}") from error


def checkpoint(path: Path) -> None:
    try:
        state.load_state(path)
    finally:
        index = path.with_name(pack.INDEX)
        index.write_bytes(path.read_bytes())
        try:
            pack.unpack(path.parent, path.with_name("unpacked.safetensors"))
        except GanimateError as error:
            if pack.INDEX not in str(error) and "part-" not in str(error):
                raise AssertionError(f"the error does not name the file: {error}") from error


def xmp(data: bytes) -> None:
    provenance.xmp_properties(data)
    packet = provenance.xmp_packet(STATED, data)
    said = provenance.xmp_properties(packet)
    if said is None or said["source_type"] != provenance.DIGITAL_SOURCE_TYPE:
        raise AssertionError("a packet that we wrote does not say what it should")


def marks(path: Path) -> None:
    """What stands in the boxes and blocks of films, without ffmpeg."""
    statement._mp4_packet(path)
    statement._gif_packet(path)


def probed(data: bytes) -> None:
    source.read_probe(text(data))


def shards(path: Path) -> None:
    dataset.load_dataset(path.parent, "fuzzed")


PARSERS: dict[str, tuple[Callable[[bytes], object], str]] = {
    "look": (look, ""),
    "story": (read_as(".yaml", timeline.Timeline.load), ".yaml"),
    "openface": (read_as(".csv", timeline.Timeline.load), ".csv"),
    "expressions": (read_as(".yaml", facs.load_expressions), ".yaml"),
    "recipe": (read_as(".yaml", recipe.load_recipe), ".yaml"),
    "photo": (read_as(".jpg", stills.read_photo), ".jpg"),
    "verify": (read_as(".png", lambda path: verify(path, Nobody())), ".png"),  # type: ignore[arg-type]
    "weights": (read_as(".safetensors", weights), ".safetensors"),
    "checkpoint": (read_as(".safetensors", checkpoint), ".safetensors"),
    "parquet": (read_as("-0.parquet", shards), ".parquet"),
    "film": (read_as(".mp4", source.probe), ".mp4"),
    "probed": (probed, ""),
    "xmp": (xmp, ""),
    "marks": (read_as(".mp4", marks), ".mp4"),
}


def seeds(name: str) -> list[bytes]:
    """Right files for each parser, small ones, to begin with."""
    import io

    import numpy as np
    from PIL import Image

    def picture(form: str, side: int = 72, **options: object) -> bytes:
        pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(pixels).quantize(16).convert("RGB").save(data, form, **options)
        return data.getvalue()

    packet = provenance.xmp_packet(STATED)
    animated = {"save_all": True, "append_images": [Image.new("RGB", (72, 72))]}
    pictures = [picture("JPEG", xmp=packet), picture("PNG", pnginfo=provenance.png_text(packet))]
    pictures += [picture("WEBP", xmp=packet), picture("GIF", **animated), picture("TIFF")]
    pictures += [picture("BMP"), picture("PPM"), picture("JPEG2000"), picture("AVIF")]
    if name == "look":
        return [b"smile*0.8 45=0.5", b"12L=+0.3 lip_corner_puller=C", b"0:neutral 1:smile*0.5"]
    if name == "story":
        docs = (ROOT / "docs" / "timelines.md").read_text("utf-8").split("```")
        return [part.removeprefix("yaml").encode() for part in docs[1::2]]
    if name == "openface":
        from ganimate.timeline.openface import recorded

        rows = np.random.default_rng(0).random((5, 17))
        return ["".join(recorded(np.arange(5) / 25, rows, np.ones(5))).encode()]
    if name in ("expressions", "recipe"):
        where = ROOT / "recipes" if name == "recipe" else ROOT / "ganimate" / "facs"
        return [path.read_bytes() for path in where.glob("*.yaml")]
    if name in ("photo", "verify"):
        return pictures
    if name in ("film", "marks"):
        films = []
        for suffix, codec in (("mp4", "libx264"), ("webm", "libvpx-vp9"), ("gif", "gif")):
            path = FOLDER / f"seed.{suffix}"
            words = ["-f", "lavfi", "-i", "testsrc=d=0.2:s=32x32:r=10", "-c:v", codec, path]
            subprocess.run([source.find_ffmpeg(), "-v", "error", "-y", *map(str, words)])
            films.append(path.read_bytes())
        return films
    if name == "probed":
        films = [FOLDER / f"seed.{suffix}" for suffix in ("mp4", "webm")]
        seeds("film")
        return [
            subprocess.run(
                source.probe_arguments(source.find_ffmpeg(), path), capture_output=True
            ).stderr
            for path in films
        ]
    if name == "xmp":
        return [packet]
    if name == "parquet":
        sys.path.insert(0, str(ROOT / "tests"))
        from dataset import write_dataset

        write_dataset(FOLDER, [ROOT / "examples" / "portrait.jpg"], train=1, validation=1)
        return [next(FOLDER.glob("train-*.parquet")).read_bytes()]
    import torch

    from ganimate.networks.reader import Reader
    from ganimate.weights import save_network

    small = Reader(widths=[4, 4, 4, 4], features=4)
    whole = save_network(FOLDER / "seed.safetensors", small, {}).read_bytes()
    if name == "weights":
        header = json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])
        return [whole, header["__metadata__"]["ganimate"].encode()]
    made = {"step": 1, "networks": {"a": {"w": torch.ones(3)}}, "optimisers": {}, "rng": None}
    state.save_state(FOLDER / "seed.safetensors", made)
    pack.pack(FOLDER / "seed.safetensors", FOLDER / "packed")
    return [
        (FOLDER / "seed.safetensors").read_bytes(),
        (FOLDER / "packed" / pack.INDEX).read_bytes(),
    ]


def main() -> None:
    words = sys.argv[1:]
    if not words or words[0].startswith("-"):
        for name in PARSERS:
            print(f"--- {name}", file=sys.stderr, flush=True)
            limits = words or ["-max_total_time=60"]
            subprocess.run([sys.executable, __file__, name, *limits], check=True)
        return
    name, *rest = words
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for index, seed in enumerate(seeds(name)):
        (corpus / str(index)).write_bytes(seed)
    given = [] if any(Path(word).is_file() for word in rest) else [str(corpus)]
    atheris.Setup([sys.argv[0], *LIMITS, *rest, *given], PARSERS[name][0])
    os.environ["GANIMATE_OFFLINE"] = "1"
    atheris.Fuzz()


if __name__ == "__main__":
    main()
