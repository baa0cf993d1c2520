"""Folds, wrinkles and raised cheeks: how each action unit shades skin.

A network that must paint them pixel by pixel blurs what is broad and never draws what is thin. So
they are given as pictures of an average face (an active appearance model's texture, Cootes et al.
1998), and the network says where on it each point of this face lies.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganimate.networks.light import BRIGHTENS, DIMS, headroom
from ganimate.networks.warp import warp

SIDE = 128
"""Of the pictures."""
DEEPEST = 0.7
"""How much darker or lighter the skin can become at most, in units of a crop's contrast."""
ROOM = 0.2
"""The least by which skin counts as darker than white. Overexposed skin would be covered at once by
the faintest light, and lines drawn around it."""
UNSHADED = 0.5
"""How much of what motion undoes where an action unit lets go is taken off the skin: a highlight
that is darkened is grey, and some folds are the face's own."""


class Folds(nn.Module):
    """Lays each action unit's shading on faces.

    Args:
        units: how many action units there are.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        # T: on the average face, in units of a crop's contrast, at intensity 1.
        self.shading: Tensor
        self.register_buffer("shading", torch.zeros(units, 1, SIDE, SIDE))

    def forward(self, pull: Tensor, place: Tensor, contrast: Tensor, skin: Tensor) -> Tensor:
        """The shade of each point, (n, 1, S, S): what it gives, or takes where negative, of
        `full_shade`.

        Args:
            pull: (n, 17), see `pull.pulled`.
            place: (n, 2, h, w), the point of the average face that each point shows, as an offset;
                the side is 1.
            contrast: (n, 1, 1, 1), `contrast_of` the photos.
            skin: (n, 3, S, S) in [-1, 1], that is to be shaded.
        """
        return shade(self.shading, pull, place, contrast, skin)


def shade(shading: Tensor, pull: Tensor, place: Tensor, contrast: Tensor, skin: Tensor) -> Tensor:
    """As `Folds.forward`, of any shading (17, 1, h, w)."""
    textures = torch.einsum("nk,kchw->nchw", pull, shading)
    # Folds of several action units add up, but not without end.
    deep = DEEPEST * torch.tanh(textures / DEEPEST)
    shade = warp(deep.to(skin.dtype), place, skin.shape[-1]) * contrast
    dims, brightens = shade.clamp(max=0), shade.clamp(min=0)
    return dims * headroom(skin, DIMS) + brightens * headroom(skin, BRIGHTENS)


def opacity(paint: Tensor, shade: Tensor, skin: Tensor) -> Tensor:
    """How far black, or white, must cover skin to shade it: (n, 1, S, S) in 0..1.

    So little that the photo's own pixels are dimmed, and not painted over.

    Args:
        paint: (n, 3, S, S), what `shade` (n, 1, S, S) adds to `skin`, (n, 3, S, S) in [-1, 1].
    """
    # A little beyond black, which has no room itself.
    room = torch.where(shade < 0, -1.001 - skin, (1 - skin).clamp(min=ROOM))
    return (paint / room).amax(1, keepdim=True).clamp(0, 1)
