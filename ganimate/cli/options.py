"""The options that several commands share, each written once.

Here and in the commands only the standard library and typer are imported at the top, so that
help and usage errors are answered at once.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

# Whether a file may be read is said by what reads it: the parser would call it bad usage.
Argument = partial(typer.Argument, readable=False)
Option = partial(typer.Option, readable=False)

PhotoPath = Annotated[Path, Argument(metavar="PHOTO", help="A photo: JPEG, PNG, WebP, TIFF ...")]

# What the face is to show
LookBase = Literal["current", "neutral"]
Base = Annotated[
    LookBase,
    Option(help="Where action units that are not named start from: as the face shows them, or 0."),
]
ExpressionsFile = Annotated[
    Path | None, Option(metavar="YAML", help="Your own expressions, added to the built-in ones.")
]

# Finding the face
FaceChoice = Annotated[
    str,
    Option("--face", metavar="WHICH", help="largest, all, left, right, or numbers: 0 or 0,2."),
]
Each = Annotated[
    list[str] | None,
    Option("--at", metavar="FACE LOOK", help='One face\'s look: --at 0 smile --at 1 "fear*0.6".'),
]
Eyes = Annotated[
    Path | None,
    Option("--eyes", metavar="PHOTO", help="Of the same person: the colour of eyes that open."),
]
LocatorKind = Literal["auto", "mediapipe", "builtin"]
LocatorChoice = Annotated[LocatorKind, Option("--locator", help="What finds the face.")]
FaceModel = Annotated[
    Path | None,
    Option(
        metavar="FILE",
        help="MediaPipe's face_landmarker.task; else it is fetched once.",
    ),
]
Offline = Annotated[bool, Option("--offline", help="Never fetch anything.")]

# A part of a film
FromTime = Annotated[
    float, Option("--from-time", metavar="SECONDS", help="Begin so far into the film.")
]
ToTime = Annotated[
    float | None, Option("--to-time", metavar="SECONDS", help="End so far into the film.")
]

# The networks
Weights = Annotated[
    Path | None,
    Option(
        metavar="FILE",
        help="A generator's weights (safetensors); else the shipped ones.",
    ),
]
Device = Annotated[str, Option(metavar="NAME", help="auto, cpu, openvino, cuda, cuda:1, mps ...")]

# Writing
Output = Annotated[
    Path | None,
    Option("--output", "-o", metavar="FILE", help="Where the picture goes."),
]
Force = Annotated[bool, Option("--force", help="Write over an existing output.")]
NoProvenance = Annotated[
    bool,
    Option("--no-provenance", help="Say nowhere that it was edited: see docs/provenance.md."),
]
Label = Annotated[bool, Option("--label", help='Draw "AI-edited" into a corner.')]
Sign = Annotated[
    tuple[Path, Path] | None,
    Option(
        "--sign",
        metavar="CERT KEY",
        help="Sign Content Credentials (C2PA) with these PEMs.",
    ),
]
TimeStamps = Annotated[
    str | None,
    Option("--tsa", metavar="URL", help="Ask this time stamp authority when it was signed."),
]

# Talking
Quiet = Annotated[bool, Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, Option("--json", help="Print a summary for machines.")]
Debug = Annotated[bool, Option("--debug", help="Show where an error comes from.")]
