"""The answers are native's, from whatever an image is given as."""

import io

import numpy as np
import pytest
from PIL import Image

import mcdrl
from conftest import ANSWERS, ASSETS, SAMPLE, classes_of


@pytest.mark.parametrize("answer", ANSWERS["images"], ids=lambda answer: f"{answer['site']}-{answer['name']}")
def test_the_answers_are_natives(segmenter, answer):
    path = ASSETS / "samples" / answer["site"] / "images" / f"{answer['name']}.png"
    found = segmenter.segment(path.read_bytes())
    stored = classes_of(answer["mask"])
    assert found.category_mask.shape == stored.shape and found.category_mask.dtype == np.uint8
    assert np.mean(found.category_mask != stored) <= ANSWERS["tolerance"]["share_of_differing_pixels"]
    for confounder in found.confounders:
        difference = abs(confounder.weight - answer["confounders"][confounder.name])
        assert difference <= ANSWERS["tolerance"]["confounder_weight"]


def test_maps_belong_to_the_mask(segmenter):
    found = segmenter.segment(SAMPLE)
    masks = found.confidence_masks
    assert masks.shape == (len(segmenter.labels), found.height, found.width) and masks.dtype == np.float32
    assert segmenter.labels[0] == "background"
    np.testing.assert_allclose(masks.sum(axis=0), 1, atol=1e-4)
    np.testing.assert_array_equal(found.category_mask == 0, masks[0] >= 0.5)
    assert found.uncertainty.shape == (found.height, found.width)
    assert 0 <= found.uncertainty.min() and found.uncertainty.max() <= 1
    assert found.regions.retained.dtype == np.bool_ and found.regions.retained.shape == found.regions.similarity.shape
    assert found.regions.confounders.shape[0] == len(segmenter.confounders)
    assert sum(confounder.weight for confounder in found.confounders) == pytest.approx(1, abs=1e-3)


def test_an_image_is_the_same_however_it_is_given(segmenter):
    expected = segmenter.segment(SAMPLE).category_mask
    picture = Image.open(SAMPLE).convert("RGB")
    rgb = np.asarray(picture)
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 7, np.uint8)])
    bgra = np.ascontiguousarray(rgba[:, :, [2, 1, 0, 3]])
    height, width = rgb.shape[:2]
    frame = mcdrl.Frame(width, height, mcdrl.PixelFormat.BGRA, (mcdrl.Plane(bgra.tobytes(), 4 * width, 4),))
    for image in [str(SAMPLE), SAMPLE.read_bytes(), picture, rgb, rgba, rgb[:, ::-1][:, ::-1], frame]:
        np.testing.assert_array_equal(segmenter.segment(image).category_mask, expected)


def test_frames_are_turned_upright(segmenter):
    upright = np.asarray(Image.open(SAMPLE).convert("RGB"))[:200]
    expected = segmenter.segment(upright).category_mask
    for rotation in (0, 90, 180, 270):
        lying = np.ascontiguousarray(np.rot90(upright, rotation // 90))
        plane = mcdrl.Plane(lying.tobytes(), 3 * lying.shape[1], 3)
        frame = mcdrl.Frame(lying.shape[1], lying.shape[0], mcdrl.PixelFormat.RGB, (plane,), rotation=rotation)
        np.testing.assert_array_equal(segmenter.segment(frame).category_mask, expected)


def test_grey_and_exif(segmenter):
    picture = Image.open(SAMPLE)
    grey = np.asarray(picture.convert("L"))
    three = segmenter.segment(np.dstack([grey] * 3)).category_mask
    for image in [grey, grey[:, :, np.newaxis], picture.convert("L")]:
        np.testing.assert_array_equal(segmenter.segment(image).category_mask, three)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.convert("RGB").crop((0, 0, 200, 100)).save(file, "PNG", exif=exif)
    turned = segmenter.segment(Image.open(io.BytesIO(file.getvalue())))
    assert (turned.width, turned.height) == (100, 200)
    assert segmenter.segment(file.getvalue()).category_mask.shape == (200, 100)
