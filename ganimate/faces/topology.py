"""Which of MediaPipe's 478 landmarks is which: mirror partners, lids, lips, irises.

The pairing of left and right was found by matching the mean training face with its mirror image
(largest distance between partners 0.6 px of 152); it turned out to follow the numbering, so two
rules state it: right-side points in order pair with 248, 249, ..., and the irises swap.
"""

from __future__ import annotations

LANDMARKS = 478

MIDLINE = (
    0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    94, 151, 152, 164, 168, 175, 195, 197, 199, 200,
)  # fmt: skip

_RIGHT_SIDE = [i for i in range(248) if i not in MIDLINE]
_IRISES = ((468, 473), (469, 476), (470, 475), (471, 474), (472, 477))


def _mirror() -> tuple[int, ...]:
    partner = list(range(LANDMARKS))
    for right, left in [*zip(_RIGHT_SIDE, range(248, 468), strict=True), *_IRISES]:
        partner[right], partner[left] = left, right
    return tuple(partner)


MIRROR = _mirror()
"""MIRROR[i] is the landmark on the other side of the face; applying it twice gives i."""

RIGHT_IRIS, LEFT_IRIS = tuple(range(468, 473)), tuple(range(473, 478))
IRISES = RIGHT_IRIS + LEFT_IRIS
"""Each iris: its centre, then four points around it."""

INNER_UPPER_LIP = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER_LIP = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
"""Inner lips from the subject's right corner to the left; entries face each other in pairs."""

OUTER_LIPS = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip
"""Around the lips, from the subject's right corner over the upper lip."""

LOWER_LIP = (
    95, 88, 178, 87, 14, 317, 402, 318, 324,
    96, 89, 179, 86, 15, 316, 403, 319, 325,
    77, 90, 180, 85, 16, 315, 404, 320, 307,
    146, 91, 181, 84, 17, 314, 405, 321, 375,
)  # fmt: skip
"""The lower lip in four rows, from its inner rim between the corners to the outer one."""

UPPER_LIP = (
    185, 40, 39, 37, 0, 267, 269, 270, 409,
    184, 74, 73, 72, 11, 302, 303, 304, 408,
    183, 42, 41, 38, 12, 268, 271, 272, 407,
    191, 80, 81, 82, 13, 312, 311, 310, 415,
)  # fmt: skip
"""The upper lip in four rows, from its outer rim between the corners to the inner one."""

LIP_CORNERS = (61, 76, 62, 78, 291, 306, 292, 308)
"""The corners of the mouth in four rows, from the outer rim to the inner; the right one first."""

NOSE_BRIDGE = (168, 6, 197, 195, 5, 4, 1, 2)
"""Down the middle of the nose, from between the eyes over its tip to where it meets the lip."""

NOSE_WINGS = (98, 98, 98, 97, 2, 326, 327, 327, 327)
"""Where the nose ends above each landmark of the upper lip's outer rim."""

RIGHT_BROW = (46, 53, 52, 65, 55, 70, 63, 105, 66, 107)
LEFT_BROW = (276, 283, 282, 295, 285, 300, 293, 334, 296, 336)
"""The lower edge of each brow, outwards in, then the upper one."""

UNDER_BROWS = (225, 224, 223, 222, 221, 445, 444, 443, 442, 441)
"""The skin just below the lower edge of each brow, likewise; the right brow's first."""

RIGHT_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER_LID = (263, 466, 388, 387, 386, 385, 384, 398, 362)
LEFT_LOWER_LID = (263, 249, 390, 373, 374, 380, 381, 382, 362)
"""Lids from the outer corner to the inner; upper and lower entries face each other in pairs."""
EYES = (
    (RIGHT_IRIS, RIGHT_UPPER_LID, RIGHT_LOWER_LID),
    (LEFT_IRIS, LEFT_UPPER_LID, LEFT_LOWER_LID),
)
"""The subject's right eye and the left one."""

RIGHT_CREASE = (30, 29, 27, 28, 56)
LEFT_CREASE = (260, 259, 257, 258, 286)
"""The crease of each upper lid, outwards in: below it each of the lower edge of the brow."""

RIGHT_UNDER_LID = (25, 110, 24, 23, 22, 26, 112)
LEFT_UNDER_LID = (255, 339, 254, 253, 252, 256, 341)
"""The skin below each lower lid, from the outer corner to the inner: beneath each of its rim."""

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline of the face, from the top of the forehead down its left side and up its right."""

SKULL = (
    33, 133, 362, 263, 168, 6, 197,
    234, 127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356, 454,
)  # fmt: skip
"""What no muscle moves far: corners of the eyes, bridge of the nose, the outline above the ears."""

JAW_SIDES = (132, 58, 172, 136, 150, 361, 288, 397, 365, 379)
"""The outline below the ears, but for the chin, which has a muscle of its own."""

SPREAD = (
    0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 13, 14, 17, 21, 27, 28, 29, 30, 31, 32, 33, 35, 36, 37, 39,
    40, 46, 50, 52, 53, 54, 55, 56, 58, 61, 63, 65, 66, 67, 68, 69, 70, 78, 79, 80, 81, 82, 83,
    84, 87, 88, 91, 92, 93, 95, 97, 98, 100, 101, 103, 104, 105, 107, 108, 109, 114, 116, 117,
    118, 119, 123, 126, 127, 129, 131, 132, 133, 135, 136, 138, 142, 144, 145, 146, 147, 148,
    149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 165, 168, 169,
    170, 172, 173, 176, 178, 181, 185, 186, 187, 191, 192, 193, 194, 195, 197, 199, 200, 201,
    202, 203, 204, 205, 206, 207, 208, 210, 211, 212, 213, 214, 216, 221, 222, 223, 224, 225,
    229, 231, 234, 236, 245, 246, 249, 251, 257, 258, 259, 260, 261, 262, 263, 265, 266, 267,
    269, 270, 276, 280, 282, 283, 284, 285, 286, 288, 291, 293, 295, 296, 297, 298, 299, 300,
    308, 309, 310, 311, 312, 313, 314, 317, 318, 321, 322, 323, 324, 326, 327, 329, 330, 332,
    333, 334, 336, 337, 338, 343, 345, 346, 347, 348, 352, 355, 356, 358, 360, 361, 362, 364,
    365, 367, 371, 373, 374, 375, 376, 377, 378, 379, 380, 381, 382, 383, 384, 385, 386, 387,
    388, 389, 390, 391, 394, 395, 397, 398, 400, 402, 405, 409, 410, 411, 415, 416, 417, 418,
    421, 422, 423, 424, 425, 426, 427, 428, 430, 431, 432, 433, 434, 436, 441, 442, 443, 444,
    445, 449, 451, 454, 456, 465, 466,
)  # fmt: skip
"""Enough of all for a field of motion: the rims of lids and lips, brows and what is below them, the
nose's ridge and the outline, and of the others those that lie 5 crop pixels apart on a mean face.
Irises are left out: they do not move with lids."""
