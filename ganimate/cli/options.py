"""The options that several commands share, each written once.

Here and in the commands only the standard library and typer are imported at the top, so that
help and usage errors are answered at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

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
    Option("--face", metavar="WHICH", help="largest, all, or numbers from the left: 0 or 0,2."),
]
LocatorKind = Literal["auto", "mediapipe", "builtin"]
LocatorChoice = Annotated[LocatorKind, Option("--locator", help="What finds the face.")]
FaceModel = Annotated[
    Path | None,
    Option(metavar="FILE", help="MediaPipe's face_landmarker.task; else it is fetched once."),
]
Offline = Annotated[bool, Option("--offline", help="Never fetch anything.")]

# The networks
Weights = Annotated[
    Path | None,
    Option(metavar="FILE", help="A generator's weights (safetensors); else the shipped ones."),
]
Device = Annotated[str, Option(metavar="NAME", help="auto, cpu, cuda, cuda:1, mps ...")]

# Writing
Output = Annotated[
    Path | None, Option("--output", "-o", metavar="FILE", help="Where the picture goes.")
]
Force = Annotated[bool, Option("--force", help="Write over an existing output.")]
NoProvenance = Annotated[
    bool, Option("--no-provenance", help="Do not record in the file how it was made.")
]

# Talking
Quiet = Annotated[bool, Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, Option("--json", help="Print a summary for machines.")]
Debug = Annotated[bool, Option("--debug", help="Show where an error comes from.")]
