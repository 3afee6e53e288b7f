"""Masks equal the reference answers, for every form of an image."""

import io

import numpy as np
import pytest
from PIL import Image

import mcdrl
from conftest import ANSWERS, ASSETS, MODEL, SAMPLE, classes_of


@pytest.mark.parametrize("answer", ANSWERS["images"], ids=lambda answer: f"{answer['site']}-{answer['name']}")
def test_masks_equal_the_reference_answers(segmenter, answer):
    path = ASSETS / "samples" / answer["site"] / "images" / f"{answer['name']}.png"
    found = segmenter.segment(path.read_bytes())
    stored = classes_of(answer["mask"])
    assert found.category_mask.shape == stored.shape and found.category_mask.dtype == np.uint8
    assert np.mean(found.category_mask != stored) <= ANSWERS["tolerance"]["share_of_differing_pixels"]
    for confounder in found.confounders:
        difference = abs(confounder.weight - answer["confounders"][confounder.name])
        assert difference <= ANSWERS["tolerance"]["confounder_weight"]
        difference = abs(confounder.presence - answer["presences"][confounder.name])
        assert difference <= ANSWERS["tolerance"]["presence"]
    assert abs(found.unfamiliar - answer["unfamiliar"]) <= ANSWERS["tolerance"]["presence"]
    assert abs(found.expected_dice - answer["expected_dice"]) <= ANSWERS["tolerance"]["presence"]
    shown = [confounder for confounder in found.confounders if confounder.is_disturbance and confounder.presence >= 0.5]
    shown.sort(key=lambda confounder: -confounder.presence)
    assert [confounder.words for confounder in shown] == [line.split(" on ")[0] for line in found.disturbances]


def test_maps_match_the_mask(segmenter):
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


def test_lesions_are_the_parts_of_the_mask(segmenter):
    found = segmenter.segment(SAMPLE)
    assert found.lesions
    lesions = found.category_mask > 0
    assert sum(lesion.pixels for lesion in found.lesions) == lesions.sum()
    for lesion in found.lesions:
        left, top, width, height = lesion.bounds
        part = found.category_mask[top : top + height, left : left + width]
        assert part.any(axis=0).all() and part.any(axis=1).all()
        assert lesion.name in segmenter.labels[1:] and 0 < lesion.confidence <= 1
        assert lesion.fraction == pytest.approx(lesion.pixels / lesions.size)
        assert len(lesion.outline) >= 4
        assert all(left <= x <= left + width and top <= y <= top + height for x, y in lesion.outline)


def test_a_screen_capture_is_segmented_where_it_shows_the_picture(segmenter):
    picture = np.array(Image.open(ASSETS / "samples/site-a/images/00002.png").convert("RGB"))
    frame = np.full((400, 640, 3), 30, np.uint8)
    frame[100:356, 300:556] = picture
    plain, found = segmenter.segment(picture), segmenter.segment(frame)
    assert plain.active_area == (0, 0, 256, 256)
    assert np.abs(np.subtract(found.active_area, (300, 100, 256, 256))).max() <= 4
    assert found.category_mask.shape == (400, 640) and not plain.notes and "left out" in found.notes[0]
    same = found.category_mask[100:356, 300:556] == plain.category_mask
    assert same.mean() > 0.99 and np.count_nonzero(found.category_mask) == np.count_nonzero(
        found.category_mask[100:356, 300:556]
    )


def test_the_whole_frame_and_tiles_can_be_chosen(segmenter):
    picture = np.array(Image.open(SAMPLE).convert("RGB"))
    frame = np.full((400, 640, 3), 30, np.uint8)
    frame[100 : 100 + picture.shape[0], 300 : 300 + picture.shape[1]] = picture
    create = mcdrl.ImageSegmenter.create_from_options
    with create(model=MODEL, device="cpu", whole_frame=True) as whole:
        found = whole.segment(frame)
    assert found.active_area == (0, 0, 640, 400) and not found.notes
    expected = segmenter.segment(picture).confidence_masks
    with create(model=MODEL, device="cpu", tile_side=100) as tiled:
        assert not np.allclose(tiled.segment(picture).confidence_masks, expected, atol=1e-3)
    with create(model=MODEL, device="cpu", tile_side=5000) as one_tile:
        assert np.allclose(one_tile.segment(picture).confidence_masks, expected, atol=1e-6)
    for side in (0, -1):
        with pytest.raises(mcdrl.SegmenterError, match="side of a tile") as error:
            create(model=MODEL, device="cpu", tile_side=side)
        assert error.value.code == "input"


def test_confounders_have_a_presence_and_an_area(segmenter):
    assert [confounder.name for confounder in segmenter.confounders if not confounder.is_disturbance] == ["white-light"]
    found = segmenter.segment(SAMPLE)
    for known, seen in zip(segmenter.confounders, found.confounders, strict=True):
        assert (seen.name, seen.is_disturbance) == (known.name, known.is_disturbance)
        assert seen.hint_presence == known.hint_presence
        assert 0 <= seen.presence <= 1 and 0 <= seen.area <= 1, seen
    assert 0 <= found.unfamiliar <= 1
    assert 0 <= found.regions.confounders.min() and found.regions.confounders.max() <= 1


def test_every_form_of_an_image_gives_the_same_mask(segmenter):
    expected = segmenter.segment(SAMPLE).category_mask
    picture = Image.open(SAMPLE).convert("RGB")
    rgb = np.asarray(picture)
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 7, np.uint8)])
    bgra = np.ascontiguousarray(rgba[:, :, [2, 1, 0, 3]])
    height, width = rgb.shape[:2]
    frame = mcdrl.Frame(width, height, mcdrl.PixelFormat.BGRA, (mcdrl.Plane(bgra.tobytes(), 4 * width, 4),))
    for image in [str(SAMPLE), SAMPLE.read_bytes(), picture, rgb, rgba, rgb[:, ::-1][:, ::-1], frame]:
        np.testing.assert_array_equal(segmenter.segment(image).category_mask, expected)


def test_arrays_of_opencv(segmenter):
    rgb = np.asarray(Image.open(SAMPLE).convert("RGB"))
    expected = segmenter.segment(rgb).confidence_masks
    np.testing.assert_array_equal(segmenter.segment(rgb[:, :, ::-1], format="bgr").confidence_masks, expected)
    bgra = np.dstack([rgb[:, :, ::-1], np.full(rgb.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(segmenter.segment(bgra, format="bgr").confidence_masks, expected)
    assert not np.array_equal(segmenter.segment(rgb[:, :, ::-1]).confidence_masks, expected)
    for image, format in [(rgb, "grb"), (str(SAMPLE), "bgr")]:
        with pytest.raises(mcdrl.SegmenterError, match="bgr"):
            segmenter.segment(image, format=format)


def test_colours_under_transparent_pixels_have_no_influence(segmenter, tmp_path):
    rgb = np.asarray(Image.open(SAMPLE).convert("RGB"))
    hidden = np.zeros(rgb.shape[:2], bool)
    hidden[:, :60] = True
    expected = segmenter.segment(np.where(hidden[..., None], 0, rgb).astype(np.uint8)).category_mask
    alpha = np.where(hidden, 0, 255).astype(np.uint8)
    red = np.dstack([np.where(hidden[..., None], [255, 40, 40], rgb).astype(np.uint8), alpha])
    file = tmp_path / "red.png"
    Image.fromarray(red).save(file)
    for image in [red, Image.fromarray(red), file]:
        np.testing.assert_array_equal(segmenter.segment(image).category_mask, expected)


def test_colour_profiles_are_applied_to_files_and_pictures(segmenter, tmp_path):
    from PIL import ImageCms

    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = tmp_path / "profile.png"
    Image.open(SAMPLE).convert("RGB").save(file, icc_profile=linear)
    by_file, by_picture = segmenter.segment(file), segmenter.segment(Image.open(file))
    assert np.mean(by_file.category_mask != by_picture.category_mask) < 0.01


def test_notes_say_what_was_done_with_a_file(segmenter, tmp_path):
    pages = [Image.open(SAMPLE).convert("RGB")] * 3
    file = tmp_path / "pages.tif"
    pages[0].save(file, save_all=True, append_images=pages[1:])
    assert segmenter.segment(file).notes == ["the file has 3 pages; only the first was read"]
    assert segmenter.segment(SAMPLE).notes == []


def laid(upright, rotation, mirrored, padding):
    """The bytes and the row stride of a picture as a camera stores it: turned, mirrored, with padded rows."""
    lying = np.rot90(upright[:, ::-1] if mirrored else upright, rotation // 90)
    rows = lying.reshape(lying.shape[0], -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    # The last row may end with its last pixel.
    return padded.tobytes()[: padded.size - padding], padded.shape[1]


LAYOUTS = [(rotation, mirrored, 13) for rotation in (0, 90, 180, 270) for mirrored in (False, True)]


@pytest.mark.parametrize("rotation, mirrored, padding", LAYOUTS)
def test_pixels_of_every_order_stride_and_orientation(segmenter, rotation, mirrored, padding):
    rgb = np.asarray(Image.open(SAMPLE).convert("RGB"))[:200]
    expected = segmenter.segment(rgb).confidence_masks
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 7, np.uint8)])
    bgra = rgba[:, :, [2, 1, 0, 3]]
    orders = {mcdrl.PixelFormat.RGB: rgb, mcdrl.PixelFormat.RGBA: rgba, mcdrl.PixelFormat.BGRA: bgra}
    height, width = (200, 256) if rotation % 180 == 0 else (256, 200)
    for format, pixels in orders.items():
        data, stride = laid(pixels, rotation, mirrored, padding)
        plane = mcdrl.Plane(data, stride, pixels.shape[2])
        frame = mcdrl.Frame(width, height, format, (plane,), rotation=rotation, mirrored=mirrored)
        np.testing.assert_array_equal(segmenter.segment(frame).confidence_masks, expected)


def yuv(y, cb, cr, order, rotation=0, mirrored=False, padding=0):
    """A frame with separate (I420) or interleaved (NV12, NV21) colours."""
    brightness = mcdrl.Plane(*laid(y, rotation, mirrored, padding), 1)
    if order == "I420":
        colours = [mcdrl.Plane(*laid(plane, rotation, mirrored, padding), 1) for plane in (cb, cr)]
    else:
        both, stride = laid(np.dstack([cb, cr] if order == "NV12" else [cr, cb]), rotation, mirrored, padding)
        colours = [mcdrl.Plane(data, stride, 2) for data in (both[:-1], both[1:])]
        colours = colours if order == "NV12" else colours[::-1]
    height, width = y.shape if rotation % 180 == 0 else y.shape[::-1]
    planes = (brightness, *colours)
    return mcdrl.Frame(width, height, mcdrl.PixelFormat.YUV420, planes, rotation=rotation, mirrored=mirrored)


@pytest.mark.parametrize("rotation, mirrored, padding", LAYOUTS)
def test_colours_of_every_order_stride_and_orientation(segmenter, rotation, mirrored, padding):
    picture = Image.open(SAMPLE).convert("YCbCr").crop((0, 0, 256, 200))
    y = np.asarray(picture)[:, :, 0]
    cb, cr = (np.asarray(picture.getchannel(channel).resize((128, 100))) for channel in (1, 2))
    expected = segmenter.segment(yuv(y, cb, cr, "I420")).confidence_masks
    for order in ("I420", "NV12", "NV21"):
        found = segmenter.segment(yuv(y, cb, cr, order, rotation, mirrored, padding)).confidence_masks
        np.testing.assert_array_equal(found, expected)
    rgb = segmenter.segment(np.asarray(picture.convert("RGB"))).category_mask
    # Colours for a quarter of the pixels change the mask only a little.
    assert np.mean(segmenter.segment(yuv(y, cb, cr, "I420")).category_mask != rgb) < 0.02


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


def test_class_colors():
    assert mcdrl.class_color(0) == (0, 0, 0)
    assert mcdrl.class_color(1) == (0, 200, 150)
    assert mcdrl.class_color(7) == mcdrl.class_color(1)
