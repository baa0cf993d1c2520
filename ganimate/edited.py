"""What an edit of a photo gives: the picture, and how it came to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganimate.facs import ActionUnits, sided
from ganimate.layers import compose, kept
from ganimate.media.provenance import Marking, Provenance
from ganimate.media.stills import replace_pixels, write_photo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ganimate.engine import Painted
    from ganimate.portrait import Portrait


@dataclass(frozen=True, eq=False)
class Edited:
    """A picture made by `Portrait.edit`.

    Attributes:
        portrait: what it was made from.
        targets: what each chosen face was asked to show.
    """

    portrait: Portrait
    targets: tuple[ActionUnits, ...]
    _painted: Sequence[Painted] = field(repr=False)

    @property
    def action_units(self) -> ActionUnits:
        """What the first chosen face was asked to show."""
        return self.targets[0]

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """The picture, HWC uint8 RGB, the photo's size."""
        return compose(self.portrait._bare, self.portrait._layers, self._painted)

    @cached_property
    def attention(self) -> NDArray[np.float32]:
        """How far each pixel is the photo's own (1) or painted (0), float32 (H, W)."""
        return kept(self.portrait._bare, self.portrait._layers, self._painted)

    def save(
        self, path: str | Path, *, force: bool = False, provenance: bool | Marking = True
    ) -> Path:
        """Write the picture; its suffix says the format.

        Args:
            path: .png, .jpg, .webp or .tiff.
            force: write over an existing file. The photo itself is never written over.
            provenance: say in the metadata that it was made with trained weights, and put the
                watermark into its faces; a `Marking` also draws a label or signs.

        Returns:
            The path.

        Raises:
            GanimateError: the file exists, or cannot be written.
            UsageError: a suffix of no known format.
        """
        return write_photo(
            replace_pixels(self.portrait.photo, self.image),
            Path(path),
            provenance=self.portrait.stated(self.provenance, provenance),
            force=force,
            notify=self.portrait.animator.notify,
        )

    @property
    def provenance(self) -> Provenance:
        """How the picture came to be, as `save` records it; without where its faces are."""
        weights = self.portrait.animator.engine.fingerprint
        stated = [Provenance(_labelled(target), weights) for target in self.targets]
        if len(stated) == 1:
            return stated[0]
        faces = zip(self.portrait.chosen, stated, strict=True)
        return Provenance(
            "; ".join(f"face {f.index}: {one.asked_for}" for f, one in faces), weights
        )


def _labelled(target: ActionUnits) -> dict[str, float]:
    """{"AU06": 0.5, "AU12L": 0.8}: those that act, as OpenFace numbers them."""
    named = ((*sided(name), value) for name, value in target.to_dict().items() if value)
    return {f"AU{unit.number:02d}{side}": value for unit, side, value in named}
