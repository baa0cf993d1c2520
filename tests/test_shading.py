"""The shading teacher: folds are sharp and local, cheeks bright, and skin keeps its colour."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ganimate.facs import AU_NUMBERS
from ganimate.networks.folds import UNSHADED
from ganimate.networks.light import WARMTH
from ganimate.training import fit, wrinkles
from ganimate.training.dataset import FaceDataset
from ganimate.training.fit import LIGHTER, PALER, _folds, fit_teacher
from ganimate.training.muscles import AU6, AU9, AU10, AU12, AU45
from ganimate.training.territory import UPPER_FACE


def half_contrast() -> Tensor:
    return torch.full((2, 1, 1, 1), 0.5)


def test_folds_are_local_and_a_smiles_cheeks_are_broad() -> None:
    at = torch.arange(64) - 31.5
    shape = torch.exp(-(at[:, None].square() + at.square()) / (2 * 5.0**2))
    light = _folds(shape.expand(17, 1, 64, 64).clone())[:, 0, 31, 31]
    smile, frown = light[8], light[2]
    assert smile > 1.3 * frown
    edge = torch.zeros(17, 1, 64, 64)
    edge[..., 32:] = 1
    step = (_folds(edge)[2, 0, 32, 32] - _folds(edge)[2, 0, 32, 31]).item()
    assert step > 1.2, "sharper than the mean of many faces"


def test_a_fold_is_a_shadow_on_skin_of_any_colour(data: FaceDataset) -> None:
    """It takes a share of each channel, less of red, and nothing where there is no light."""
    shaded = replace(fit_teacher(data), shading=torch.full((17, 1, 64, 64), -0.1))
    skin = torch.tensor([0.6, 0.0, -0.4, 1.0, 0.2, -1.0]).view(2, 3, 1, 1).expand(2, 3, 128, 128)
    rest, some, contrast = torch.zeros(2, 17), torch.full((2, 17), 0.1), half_contrast()
    found = shaded.shade(skin, rest, some, shaded.place(data.landmarks[:2]), contrast)
    share = (found + 1)[..., 64, 64] / (skin + 1)[..., 64, 64]
    taken = (1 - share[0]) / torch.tensor(WARMTH)
    assert taken.tolist() == pytest.approx([taken[0].item()] * 3, rel=1e-3)
    assert 0.03 < taken[0] < 0.5
    assert found[1, 2, 64, 64] == -1


def test_changes_of_light_end_towards_white(data: FaceDataset) -> None:
    """Shiny cheeks would be chalk, and overexposed ones smudged."""
    shaded = replace(fit_teacher(data), shading=torch.full((17, 1, 64, 64), 0.1))
    skin = torch.tensor([0.0, 0.8]).view(2, 1, 1, 1).expand(2, 3, 128, 128)
    rest, some, contrast = torch.zeros(2, 17), torch.full((2, 17), 0.1), half_contrast()
    place = shaded.place(data.landmarks[:2])
    lighter = shaded.shade(skin, rest, some, place, contrast)
    darker = replace(shaded, shading=-shaded.shading).shade(skin, rest, some, place, contrast)
    more, less = (((each - skin) / (skin + 1))[:, 1, 64, 64] for each in (lighter, darker))
    assert more[1] == pytest.approx(0.35 * more[0].item(), rel=0.02)
    assert less[1] == pytest.approx(0.3 * less[0].item(), rel=0.02)


def test_folds_stay_off_the_nose_and_where_their_muscles_are(data: FaceDataset) -> None:
    taught = fit_teacher(data)
    nose = taught.mean[[195, 5]].round().long()
    light = taught.shading[:, 0, nose[:, 1], nose[:, 0]].abs().amax(1)
    assert light[[row for row in range(17) if row != AU9]].max() < 0.01 < light[AU9]
    upper_face = [row for row, number in enumerate(AU_NUMBERS) if number in UPPER_FACE]
    chin, below_eye = taught.mean[[199, 119]].round().long()
    assert taught.shading[[*upper_face, AU10], 0, chin[1], chin[0]].abs().max() < 0.05
    assert taught.shading[AU10, 0, below_eye[1], below_eye[0]].abs() < 0.05
    assert taught.shading[AU45, 0, chin[1] // 2 :].abs().max() < 0.05


def test_half_of_what_is_lightened_is_left_out(
    data: FaceDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wrinkles, "WRINKLES", ())
    shading = fit_teacher(data).shading
    monkeypatch.setattr(fit, "LIGHTER", 1.0)
    monkeypatch.setattr(fit, "PALER", 1.0)
    whole = fit_teacher(data).shading
    torch.testing.assert_close(shading.clamp(max=0), whole.clamp(max=0))
    assert whole.max() > 0.1
    kept = torch.full((17, 1, 1, 1), LIGHTER)
    kept[AU6] *= PALER
    torch.testing.assert_close(shading.clamp(min=0), kept * whole.clamp(min=0))


def test_what_lets_go_leaves_some_of_its_folds(data: FaceDataset) -> None:
    """A highlight that is darkened is grey, and some folds are the face's own."""
    shaded = replace(
        fit_teacher(data),
        shading=torch.full((17, 1, 64, 64), 0.1),
        release=torch.full((17,), 0.8),
    )
    skin, current, target = torch.zeros(2, 3, 128, 128), torch.zeros(2, 17), torch.zeros(2, 17)
    target[0, AU12] = current[1, AU12] = 0.2
    place = shaded.place(data.landmarks[:2])
    pictures = shaded.shade(skin, current, target, place, half_contrast())
    grown, gone = pictures[:, 1, 64, 64]
    assert grown > 0
    assert gone.item() == pytest.approx(-0.8 * UNSHADED * grown.item(), rel=0.02)
