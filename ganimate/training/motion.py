"""The teachers: how far each action unit moves the landmarks, and how it shades the skin.

Both are fitted in closed form (ridge regression over the training faces), so that the generator
learns by plain supervision what an adversarial game would take days to find.

Motion: landmarks on [1, 17 intensities, pose and its squares and products], made mirror-symmetric;
the intensities' coefficients D, (17, 478, 2) in crop pixels, move a face by `pulled` D.
Lids and lips are then limited by the face's own apertures, and steepened: see `fit.GAINS`.

Shading: the same regression for the picture's light, in the mean face's shape (an active appearance
model's texture, Cootes et al. 1998): T, (17, 1, 128, 128), how folds and cheeks change. Skin is
multiplied by it: what lies in a shadow keeps its colour, but for some warmth.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ganimate.faces.align import CROP_SIZE
from ganimate.networks.folds import UNSHADED, shade
from ganimate.networks.light import full_shade
from ganimate.networks.pull import pulled
from ganimate.training.fields import RIMS, dense_field, smoothstep
from ganimate.training.limits import (
    DOWN,
    PARTING,
    hold_lips,
    hold_off_chin,
    limit_face,
    narrow,
    slide_lids,
)
from ganimate.training.muscles import AU25, AU26, AU45
from ganimate.training.territory import below_lips

SLIDING = 0.6
"""The share of what they are open by which eyes close by motion, which takes their lashes along;
lids are laid over what remains open."""
EARLY = 0.6
"""The power of AU45's intensity by which eyes are closed: of training faces labelled .2 they are by
two fifths, .5 by two thirds and .8 by five sixths."""


@dataclass
class Teacher:
    """The fitted teachers.

    Attributes:
        directions: D, (17, 478, 2), crop pixels at intensity 1.
        mean: the mean face, (478, 2), crop pixels.
        rest: the same of faces that show nothing, as regressed.
        shading: T, (17, 1, 128, 128), in the mean face's shape, in units of a crop's contrast.
        release: (17,), how much of both is undone where an action unit lets go.
    """

    directions: Tensor
    mean: Tensor
    rest: Tensor
    shading: Tensor
    release: Tensor

    def to(self, device: torch.device) -> Teacher:
        return Teacher(*(getattr(self, each.name).to(device) for each in fields(self)))

    def move(self, landmarks: Tensor, current: Tensor, target: Tensor) -> Tensor:
        """Landmarks (n, 478, 2) of faces at `current` (n, 17) as they would be at `target`.

        Eyes close by `SLIDING` at most: see `close_eyes`.
        """
        linear = pulled(current, target, self.release)
        linear[:, AU45] = linear[:, AU45].clamp(max=0)
        moved = landmarks + torch.einsum("nk,kpc->npc", linear, self.directions)
        limit_face(moved, landmarks, self.mean)
        parted_now = torch.maximum(current[:, AU25], current[:, AU26])
        parted_then = torch.maximum(target[:, AU25], target[:, AU26])
        # Lips that nobody asks to part do not: a lip that is raised takes the other along.
        hold_lips(moved, landmarks, ((parted_then - parted_now) / PARTING).clamp(0, 1))
        hold_off_chin(moved, landmarks, below_lips(self.mean))
        # Lips that are asked to meet do: whatever is still open between them is closed.
        open_share = torch.where(
            parted_then < parted_now, parted_then / parted_now.clamp(min=1e-3), 1.0
        )
        narrow(moved, *RIMS[2], landmarks, open_share, share=0.4)
        slide_lids(moved, landmarks, 1 - closing(current, target).clamp(max=SLIDING))
        return moved

    def close_eyes(self, moved: Tensor, current: Tensor, target: Tensor) -> Tensor:
        """Landmarks that `move` returned, with lids as far down as AU45 asks of this very eye."""
        closed, share = moved.clone(), closing(current, target)
        left = (1 - share) / (1 - share.clamp(max=SLIDING))
        for upper, lower in RIMS[:2]:
            narrow(closed, upper, lower, moved, left, share=DOWN)
        return closed

    def basis(self) -> Tensor:
        """The flow of each action unit at intensity 1 on the mean face, (17, 2, 64, 64); that of
        AU45 as it would be if eyes went on to close as far as they do by motion."""
        each = torch.eye(17, device=self.mean.device)
        mean = self.mean.expand(17, -1, -1)
        flows = dense_field(self.move(mean, torch.zeros_like(each), each), mean)
        least = each[[AU45]] * SLIDING ** (1 / EARLY)
        flows[AU45] /= pulled(torch.zeros_like(least), least, self.release)[0, AU45]
        return flows

    def place(self, landmarks: Tensor) -> Tensor:
        """Where on the mean face each point of faces with landmarks (n, 478, 2) lies, as an offset
        in crop units, (n, 2, 32, 32)."""
        return dense_field(landmarks, self.mean.expand_as(landmarks), size=CROP_SIZE // 4)

    def shade(
        self, pictures: Tensor, current: Tensor, target: Tensor, place: Tensor, contrast: Tensor
    ) -> Tensor:
        """Pictures (n, 3, 128, 128) in [-1, 1] with their skin darker and lighter by folds.

        Args:
            pictures: faces that have moved already.
            current, target: (n, 17), what the photos show, and what the pictures are to show.
            place: `place` of the faces in them.
            contrast: (n, 1, 1, 1), `contrast_of` the photos.
        """
        pull = pulled(current, target, UNSHADED * self.release)
        folds = shade(self.shading, pull, place, contrast, pictures)
        return pictures + full_shade(pictures) * folds


def laid_over(share: Tensor) -> Tensor:
    """How far lids cover eyes that close by a share, in 0..1: where motion ends, none shows yet."""
    return smoothstep((share - SLIDING + 0.1) / 0.2)


def closing(current: Tensor, target: Tensor) -> Tensor:
    """Which share of what the eyes are open `target` closes, (n,) in 0..1."""
    here, there = (each[:, AU45].clamp(0, 1) ** EARLY for each in (current, target))
    return ((there - here) / (1 - here).clamp(min=0.05)).clamp(0, 1)
