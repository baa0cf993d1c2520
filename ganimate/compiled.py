"""The generator's painting compiled by OpenVINO, for CPUs: an extra, `ganimate[cpu]`."""

from __future__ import annotations

import math
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganimate.networks.painting import Painting

if TYPE_CHECKING:
    from ganimate.networks.generator import Generator

BATCH = 8
"""Frames to a pass, where there are many: a compiled network takes one number of them."""

PATIENCE = {"compact": math.inf, "paper": 8}
"""Frames after which compiling pays: it takes a second or two of both cores, and saves the paper's
trunk some tens of milliseconds a frame; ours, eight at a time, nothing (benchmarks/README.md)."""


def installed() -> bool:
    """Whether OpenVINO is there; nothing is loaded."""
    return find_spec("openvino") is not None


def load_openvino() -> Any:
    """OpenVINO without its telemetry, which would tell an analytics server that it was imported."""
    # It does without where it cannot import this; what somebody loaded before us is theirs.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return import_module("openvino")


class Compiled:
    """What `Generator.paint` does, compiled for this CPU.

    Args:
        network: the generator, on the CPU, in eval mode.
        precision: what it computes in: ``f32`` or ``bf16``.
    """

    def __init__(self, network: Generator, precision: str = "f32") -> None:
        self._network = _Paint(network)
        self._precision = precision
        self._passes: dict[tuple[int, int], Any] = {}

    def paint(
        self,
        encoded: list[Tensor],
        crops: Tensor,
        target: Tensor,
        current: Tensor,
        detail: int = 1,
    ) -> Painting:
        """As `Generator.paint`: n crops, on the CPU."""
        self._network.detail = detail
        n = len(target)
        size = BATCH if n > BATCH // 2 else 1
        # The last pass is filled up: compiling once more for what is left would take longer.
        rows = torch.arange(-(-n // size) * size).clamp_(max=n - 1).split(size)
        inputs = [one.float() for one in (crops, target, current, *encoded)]
        parts = [self._pass([one[some].contiguous() for one in inputs]) for some in rows]
        attention, colour, flow = (torch.cat(part)[:n] for part in zip(*parts, strict=True))
        return Painting(attention, colour, flow)

    def _pass(self, inputs: list[Tensor]) -> list[Tensor]:
        size = len(inputs[0])
        kind = size, self._network.detail
        if kind not in self._passes:
            self._passes[kind] = self._compile(inputs)
        request = self._passes[kind]
        request.infer([one.numpy() for one in inputs])
        return [torch.from_numpy(request.get_output_tensor(i).data.copy()) for i in range(3)]

    def _compile(self, inputs: list[Tensor]) -> Any:
        openvino = load_openvino()
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        examples = tuple(one.clone() for one in inputs)
        # The front end itself: `openvino.convert_model` does the same and tells Intel of it.
        with warnings.catch_warnings(), torch.no_grad(), torch.autocast("cpu", enabled=False):
            warnings.simplefilter("ignore")  # that Python's numbers become constants is meant
            self._network(*examples)  # fills in what is computed once, before it is traced
            traced = torch.jit.trace(self._network, examples, check_trace=False)
            decoder = TorchScriptPythonDecoder(traced)  # must outlive the conversion
            front_end = FrontEndManager().load_by_framework("pytorch")
            model = front_end.convert(front_end.load(decoder))
        model.reshape({i: list(one.shape) for i, one in enumerate(examples)})
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self._precision,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()


class Whole(nn.Module):
    """The generator with a plain tuple for an answer: what training alone looks at is left out."""

    def __init__(self, network: Generator) -> None:
        super().__init__()
        self.network = network

    def forward(self, crop: Tensor, target: Tensor, current: Tensor) -> tuple[Tensor, ...]:
        painting: Painting = self.network(crop, target, current)
        return painting[:3]


class _Paint(nn.Module):
    """`Generator.paint` with a flat list of tensors and such an answer, as tracing needs them."""

    def __init__(self, network: Generator) -> None:
        super().__init__()
        self.network = network
        self.detail = 1

    def forward(
        self, crops: Tensor, target: Tensor, current: Tensor, *encoded: Tensor
    ) -> tuple[Tensor, ...]:
        return self.network.paint(list(encoded), crops, target, current, self.detail)[:3]
