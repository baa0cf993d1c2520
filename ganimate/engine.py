"""Running the networks: which device, which precision, how many frames at once.

Arrays in, arrays out: nothing beyond this file needs to know torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganimate.compiled import PATIENCE, Compiled, installed
from ganimate.errors import GanimateError, UsageError
from ganimate.faces.softness import softened, softness
from ganimate.faces.tone import tone_of, toned
from ganimate.faces.topology import MIRROR
from ganimate.facs import AU_NUMBERS
from ganimate.weights import WeightsInfo, load_generator, load_reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.networks.generator import Generator
    from ganimate.networks.painting import Painting
    from ganimate.networks.reader import Reader

OPENVINO = "openvino"
PRECISIONS = ("auto", "float32", "bfloat16")
AU_23, AU_25, AU_26 = (AU_NUMBERS.index(number) for number in (23, 25, 26))
DETAIL, FINEST = 2, 4
"""How much larger than the crop A and C are painted where pictures are laid, since what these hold
of teeth and lids is lost on fewer pixels: in films, and for the single picture of a large face."""


@dataclass(frozen=True)
class Painted:
    """What the generator made of one face for one frame.

    Attributes:
        attention: A, (S, S) float32 in 0..1; 1 keeps the moved photo. S is the crop's side, or
            `DETAIL` or `FINEST` times that.
        colour: C, (S, S, 3) float32 RGB, 0..255.
        flow: F, (h, w, 2) float32, offsets (x, y) in crop units (the crop's side is 1).
        parting: the share of how far lips are parted that is asked to stay, 0..1.
        opening: by how much more they are asked to part, 0..1 of AU 25 or 26.
        tightening: and to tighten, 0..1 of AU 23.
        softness: by how much it was blurred, as its photo is, in pixels of the crop.
    """

    attention: NDArray[np.float32]
    colour: NDArray[np.float32]
    flow: NDArray[np.float32]
    parting: float = 1.0
    opening: float = 1.0
    tightening: float = 0.0
    softness: float = 0.0


@dataclass(frozen=True)
class Encoded:
    """A crop, or n, as the engine holds it: what depends on the photo alone is computed once.

    Attributes:
        crop: (n, 3, S, S) in [-1, 1].
        features: what the network made of it.
        soft: for each of n, how soft it is, as its paint must be then (`softness`).
        tones: its tone, if it has but one, as its paint must have then (`tone_of`).
    """

    crop: Tensor
    features: list[Tensor]
    soft: list[float]
    tones: list[NDArray[np.float64] | None]


@dataclass(frozen=True)
class Reading:
    """What the reader reports for n crops.

    Attributes:
        intensities: (n, 17) float32 in 0..1.
        landmarks: (n, 478, 2) float32, crop pixels, integers are pixel centres.
        face: (n,) float32 in 0..1, how sure the reader is that it sees a face.
    """

    intensities: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    face: NDArray[np.float32]


class Engine:
    """The generator, ready to paint.

    Args:
        generator: the network; moved to the device and prepared for it.
        info: what its weights file says of it.
        device: ``auto`` (CUDA, else the CPU), ``openvino`` (the CPU, through
            OpenVINO from the first frame on) or a device's name. ``auto`` on the CPU goes over to
            OpenVINO, where that is installed, where that pays.
        precision: ``auto`` or ``float32`` or ``bfloat16``; auto takes bfloat16 where the device
            multiplies it natively.
    """

    def __init__(
        self,
        generator: Generator,
        info: WeightsInfo,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.device = pick_device(device)
        self.dtype = pick_precision(precision, self.device)
        self.info = info
        self.size = generator.size
        # The warp and the heads' outputs stay in float32: autocast lowers the convolutions alone.
        self._network = generator.eval().requires_grad_(False).to(self.device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._painted = 0
        self._patience = self._frames_until_compiled(device)

    def _frames_until_compiled(self, device: str) -> float:
        """How many frames torch is to paint before OpenVINO takes over."""
        trunk = self._network.config["trunk"]
        # In bfloat16 a warp would miss by pixels: only a trunk without one is left to OpenVINO's.
        fit = self.dtype is torch.float32 or trunk == "paper"
        if device == OPENVINO:
            return 0
        if device == "auto" and self.device.type == "cpu" and fit and installed():
            return PATIENCE[trunk]
        return math.inf

    @cached_property
    def _compiled(self) -> Compiled:
        bfloat16 = self.dtype is torch.bfloat16 and self._network.config["trunk"] == "paper"
        return Compiled(self._network, "bf16" if bfloat16 else "f32")

    @classmethod
    def default(cls, weights: Path | None = None, device: str = "auto") -> Engine:
        """An engine with the given weights, or the shipped ones.

        Raises:
            GanimateError: the weights are missing or damaged.
            UsageError: there is no such device.
        """
        generator, info = load_generator(weights)
        return cls(generator, info, device)

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the weights' SHA-256."""
        return self.info.fingerprint

    @property
    def device_name(self) -> str:
        """The device in words, for people."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        if self._patience == 0:
            return "CPU, OpenVINO"
        return {"cpu": "CPU", "mps": "Apple GPU"}.get(self.device.type, str(self.device))

    def encode(self, crop: NDArray[np.uint8]) -> Encoded:
        """Do once what depends on the photo alone.

        Args:
            crop: (S, S, 3) uint8 RGB, cut by ``FaceFrame.crop``; or (n, S, S, 3), n of them.
        """
        if crop.shape[-3:] != (self.size, self.size, 3) or crop.dtype != np.uint8:
            raise GanimateError(f"a crop must be {self.size} x {self.size} x 3 uint8")
        crops = crop.reshape(-1, self.size, self.size, 3)
        tensor = to_network(crops, self.device)
        with torch.no_grad(), self._autocast():
            features = self._network.encode(tensor)
        return Encoded(tensor, features, [*map(softness, crops)], [*map(tone_of, crops)])

    def paint(
        self,
        encoded: Encoded,
        targets: NDArray[np.float32],
        current: NDArray[np.float32],
        detail: int = DETAIL,
    ) -> list[Painted]:
        """Paint one face with n expressions, or n crops with one each, in one batch.

        Args:
            encoded: from `encode`, of one crop or of n.
            targets: (n, 17), intensities to show, 0..1.
            current: (17,) or (n, 17), intensities the crop shows now.
            detail: how much larger than the crop A and C are to be, where pictures are laid.
        """
        n = len(targets)
        target = torch.from_numpy(np.array(targets, np.float32)).to(self.device)
        start = torch.from_numpy(np.array(current, np.float32)).to(self.device).expand(n, -1)
        compiled = self._painted >= self._patience
        self._painted += n
        with torch.no_grad(), self._autocast():  # what inference mode makes cannot be traced
            painting = (self._compiled if compiled else self._network).paint(
                [one.expand(n, -1, -1, -1) for one in encoded.features],
                encoded.crop.expand(n, -1, -1, -1),
                target,
                start,
                detail,
            )
        painted = unpack(painting, start, target)
        times = n // len(encoded.soft)
        each = zip(painted, encoded.soft * times, encoded.tones * times, strict=True)
        return [toned(softened(one, soft), tone) for one, soft, tone in each]

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)


class ReaderEngine:
    """The reader, ready to read crops."""

    def __init__(self, reader: Reader, info: WeightsInfo, device: str = "auto") -> None:
        self.device = pick_device(device)
        self.info = info
        self.size = reader.size
        self._network = reader.eval().requires_grad_(False).to(self.device)

    @classmethod
    def default(cls, weights: Path | None = None, device: str = "auto") -> ReaderEngine:
        """A reader with the given weights, or the shipped ones."""
        reader, info = load_reader(weights)
        return cls(reader, info, device)

    def read(self, crops: NDArray[np.uint8]) -> Reading:
        """Read crops, each together with its mirror image: the mean of both is steadier.

        Args:
            crops: (n, S, S, 3) uint8 RGB, cut by ``FaceFrame.crop``.
        """
        if crops.ndim != 4 or crops.shape[1:] != (self.size, self.size, 3):
            raise GanimateError(f"crops must be n x {self.size} x {self.size} x 3")
        tensor = to_network(crops, self.device)
        with torch.inference_mode():
            both = self._network(torch.cat([tensor, tensor.flip(-1)]))
        intensities = both.intensities.float().cpu().numpy()
        landmarks = both.landmarks.float().cpu().numpy()
        face = both.face.float().cpu().numpy()
        n = len(crops)
        mirrored = landmarks[n:][:, list(MIRROR)] * (-1, 1) + (self.size - 1, 0)
        return Reading(
            (intensities[:n] + intensities[n:]) / 2,
            ((landmarks[:n] + mirrored) / 2).astype(np.float32),
            (face[:n] + face[n:]) / 2,
        )


def asked_of_lips(current: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which share of how far lips are parted (AU 25 and 26) `target` leaves, and by how much more
    it parts and tightens (AU 23) them, (n,) in 0..1 each.

    Args:
        current, target: (n, 17) intensities.
    """
    now, then = (each[:, [AU_25, AU_26]].amax(1) for each in (current, target))
    share = torch.where(then < now, then / now.clamp(min=1e-3), 1.0)
    tighter = target[:, AU_23] - current[:, AU_23]
    return share, (then - now).clamp(min=0), tighter.clamp(min=0)


def unpack(painting: Painting, current: Tensor, target: Tensor) -> list[Painted]:
    """What the generator made of n crops, as arrays for each.

    Args:
        painting: the network's.
        current, target: (n, 17) intensities that it was given.
    """
    attention = painting.attention[:, 0].float().cpu().numpy()
    colour = ((painting.colour.float() + 1) * 127.5).permute(0, 2, 3, 1).cpu().numpy()
    flow = painting.flow.float().permute(0, 2, 3, 1).cpu().numpy()
    lips = (asked.tolist() for asked in asked_of_lips(current, target))
    each = zip(attention, colour, flow, *lips, strict=True)
    return [
        Painted(a, np.ascontiguousarray(c), np.ascontiguousarray(f), *asked)
        for a, c, f, *asked in each
    ]


def to_network(crops: NDArray[np.uint8], device: torch.device) -> Tensor:
    """(n, S, S, 3) uint8 -> (n, 3, S, S) float32 in [-1, 1], channels last in memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(crops)).to(device)
    return tensor.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def pick_device(name: str) -> torch.device:
    """``auto`` or a device's name -> the device.

    Raises:
        UsageError: torch does not know it, or this machine does not have it.
    """
    name = name.lower()
    if name == OPENVINO:
        if not installed():
            raise UsageError("--device openvino: not installed", 'pip install "ganimate[cpu]"')
        return torch.device("cpu")
    if name == "auto":
        # Apple's GPU was never measured, and CPUs are fast enough for the shipped network.
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    hint = f"try {', '.join(('auto', 'cpu', 'cuda', 'mps', OPENVINO))}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name}: there is no such device", hint) from error
    try:
        torch.zeros(1, device=device).cpu()  # which `meta` cannot do
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        missing = f"--device {name}: this machine has none that torch can use"
        raise UsageError(missing, hint) from error
    return device


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """bfloat16 where it is native (Ampere and later; CPUs with AVX512-BF16), else float32.

    Raises:
        UsageError: the name is none of auto, float32 and bfloat16.
    """
    if name not in PRECISIONS:
        raise UsageError(f"precision {name!r} is unknown", f"known: {', '.join(PRECISIONS)}")
    if name == "float32":
        return torch.float32
    if name == "bfloat16":
        return torch.bfloat16
    if device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8:
        return torch.bfloat16
    if device.type == "cpu" and _native_bfloat16():
        return torch.bfloat16
    return torch.float32


def _native_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16; elsewhere torch emulates it, slowly."""
    capabilities = torch.backends.cpu.get_cpu_capability()
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "AVX512" in capabilities and bool(supported())
