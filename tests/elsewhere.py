"""Train, and edit a photo, on a device that is none: what a GPU would refuse, or be waited for.

    python tests/elsewhere.py train DATASET RECIPE.yaml OUT
    python tests/elsewhere.py edit PHOTO OUT.npy

Tensors that say they lie on it are computed on the CPU. As with a real one, whoever mixes them with
the CPU's own is told, and whoever reads one, or copies a list to it, waits for it. Prints what
`train` lost in its steps, and where it waited for the device in the second one, as JSON.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch._dynamo  # it wants torch's own `Generator`, which is replaced below
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "elsewhere"
CROSSES = {"copy_", "_to_copy", "to", "index", "index_put_", "_index_put_impl_"}
"""What takes tensors of two devices; of an index, only those that tell which."""
READS = {"_local_scalar_dense", "nonzero", "masked_select", "_linalg_check_errors"}
"""What tells the host something."""
HERE = str(Path(__file__).parent.parent / "ganimate")

waits: Counter[str] = Counter()
drawn_there: dict[int, torch.Generator] = {}


class Module(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


_setup_privateuseone_for_python_backend(NAME, backend_module=Module())
DEVICE = torch.device(NAME, 0)


class There(torch.Tensor):
    """A tensor that says it lies elsewhere; `inner` holds its numbers."""

    inner: torch.Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> There:
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, dtype=inner.dtype, device=DEVICE, **layout
        )

    def __init__(self, inner: torch.Tensor) -> None:
        self.inner = inner

    def tolist(self) -> Any:
        wait("tolist")
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


class Everything(TorchDispatchMode):
    """Sees also what no such tensor takes part in: what makes one, and what mixes generators."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return computed(func, args, kwargs or {})


def computed(func: Any, args: Any, kwargs: Any) -> Any:
    """What `func` gives, on the device where it would be computed."""
    values, shape = tree_flatten((args, kwargs))
    name = func._schema.name.removeprefix("aten::")
    there = [value for value in values if isinstance(value, There)]
    here = [v for v in values if isinstance(v, torch.Tensor) and not isinstance(v, There)]
    device = next((value for value in values if isinstance(value, torch.device)), None)
    goes_there = device.type == NAME if device else bool(there)
    for generator in (value for value in values if isinstance(value, Generator)):
        if (generator._cdata in drawn_there) != goes_there:
            raise RuntimeError(f"{name}: the generator is on another device")
    if not there and not goes_there:
        return func(*args, **kwargs)
    points_back = "index" in name and not isinstance(args[0], There)
    if there and any(one.dim() for one in here) and (name not in CROSSES or points_back):
        raise RuntimeError(f"{name}: tensors on two devices")
    read = name in READS or (there and device and not goes_there)
    sent = here and name in CROSSES and not kwargs.get("non_blocking")
    if read or sent:
        wait(name)

    def inner(value: Any) -> Any:
        if isinstance(value, There):
            return value.inner
        return torch.device("cpu") if isinstance(value, torch.device) else value

    args, kwargs = tree_unflatten([inner(value) for value in values], shape)
    result = func(*args, **kwargs)
    if bool(there) != goes_there and result is inner(values[0]):
        result = result.clone()
    known = {id(one.inner): one for one in there}

    def outer(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not goes_there:
            return value
        return known[id(value)] if id(value) in known else There(value)

    return tree_map(outer, result)


def wait(what: str) -> None:
    """Count that the device was waited for, and by which line."""
    ours = [frame for frame in traceback.extract_stack() if frame.filename.startswith(HERE)]
    line = f"{ours[-1].filename.removeprefix(HERE)}:{ours[-1].lineno}" if ours else "?"
    waits[f"{what} {line}"] += 1


# torch makes tensors of lists where no mode looks.
kernels = torch.library.Library("aten", "IMPL")


def _empty(size: Any, *, dtype: Any = None, **_: Any) -> There:
    return There(torch.empty(size, dtype=dtype))


def _empty_strided(size: Any, stride: Any, *, dtype: Any = None, **_: Any) -> There:
    return There(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: Any, target: Any, non_blocking: bool = False) -> Any:
    if not non_blocking:
        wait("copy")
    numbers = [one.inner if isinstance(one, There) else one for one in (source, target)]
    numbers[1].copy_(numbers[0])
    return target


kernels.impl("empty.memory_format", _empty, "PrivateUse1")
kernels.impl("empty_strided", _empty_strided, "PrivateUse1")
kernels.impl("_copy_from", _copy_from, "PrivateUse1")

Generator = torch.Generator


def _generator(device: Any = "cpu") -> torch.Generator:
    made = Generator()
    if torch.device(device).type == NAME:
        drawn_there[made._cdata] = made
    return made


@contextmanager
def elsewhere() -> Iterator[None]:
    """The device is there."""
    torch.__future__.set_swap_module_params_on_conversion(True)
    with mock.patch("torch.Generator", _generator), Everything():
        yield


def train(dataset: Path, recipe: Path, out: Path) -> None:
    from lightning import Fabric
    from lightning.fabric.accelerators import CPUAccelerator
    from lightning.fabric.strategies import SingleDeviceStrategy

    from ganimate.training import evaluation_task, generator_task, meter, reader_task, run

    assert evaluation_task and generator_task and reader_task  # no class is defined below
    accelerator = CPUAccelerator()
    with (
        mock.patch.object(CPUAccelerator, "setup_device", lambda self, device: None),
        mock.patch.dict(meter.SIDES, {NAME: 64}),
        mock.patch.object(meter, "_wait", lambda device: None),
    ):
        fabric = Fabric(strategy=SingleDeviceStrategy(DEVICE, accelerator=accelerator))
        fabric.launch()
        with elsewhere():
            trainer = run.prepare(dataset, recipe, out, fabric=fabric)
            losses = [trainer.task.step(0)]
            waits.clear()
            losses.append(trainer.task.step(1))
            waited = dict(waits)
            trainer.run()  # with checkpoint, sheet and weights
            trainer.resume()
            told = [{name: float(value) for name, value in one.items()} for one in losses]
    print(json.dumps({"losses": told, "waited": waited}))


def edit(photo: Path, out: Path) -> None:
    import numpy as np

    from ganimate import Animator, engine

    with mock.patch.object(engine, "pick_device", lambda name: DEVICE), elsewhere():
        portrait = Animator().open(photo)
        assert portrait.animator.engine.device == DEVICE
        np.save(out, portrait.edit("smile").image)


if __name__ == "__main__":
    {"train": train, "edit": edit}[sys.argv[1]](*map(Path, sys.argv[2:]))
