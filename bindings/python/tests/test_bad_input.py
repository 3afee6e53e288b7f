"""Bad inputs and the kinds of their errors. All packages share the list."""

import base64

import numpy as np
import pytest

import mcdrl
from conftest import ASSETS, BAD_INPUTS, MODEL, SAMPLE


def refused(entry, work):
    with pytest.raises(mcdrl.SegmenterError) as error:
        work()
    assert error.value.code == entry["error"], error.value
    assert len(str(error.value)) > 10


def each(kind):
    return pytest.mark.parametrize("bad", BAD_INPUTS[kind], ids=lambda bad: bad["name"])


@each("images")
def test_images(segmenter, bad):
    if "sample" in bad:
        whole = (ASSETS / "samples" / bad["sample"]).read_bytes()
        file = whole[: int(len(whole) * bad["keep"])]
    else:
        file = base64.b64decode(bad["base64"])
    refused(bad, lambda: segmenter.segment(file))


@each("frames")
def test_frames(segmenter, bad):
    planes = tuple(mcdrl.Plane(bytes(p["length"]), p["row_stride"], p["pixel_stride"]) for p in bad["planes"])
    format = mcdrl.PixelFormat(bad["format"])
    frame = mcdrl.Frame(bad["width"], bad["height"], format, planes, rotation=bad["rotation"])
    refused(bad, lambda: segmenter.segment(frame))


@each("models")
def test_models(bad):
    good = MODEL.read_bytes()
    if "path" in bad:
        model = bad["path"]
    elif "base64" in bad:
        model = base64.b64decode(bad["base64"])
    elif "keep" in bad:
        model = good[: int(len(good) * bad["keep"])]
    elif "flip" in bad:
        model = bytearray(good)
        model[int(len(good) * bad["flip"])] ^= 0x10
    else:
        assert bad["find"].encode() in good
        model = good.replace(bad["find"].encode(), bad["replace"].encode())
    refused(bad, lambda: mcdrl.ImageSegmenter.create_from_options(model=model, device="cpu"))


@each("options")
def test_options(bad):
    refused(bad, lambda: mcdrl.ImageSegmenter.create_from_options(model=MODEL, threads=bad["threads"]))


@pytest.mark.parametrize(
    "image",
    [np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 2), np.uint8), np.zeros((2, 8, 8, 3), np.uint8), 7, None],
    ids=["floats", "two channels", "a batch", "a number", "nothing"],
)
def test_arguments_that_are_not_images(segmenter, image):
    refused({"error": "input"}, lambda: segmenter.segment(image))


def test_a_model_too_large_for_bytes():
    # Zeros take no memory until they are read.
    huge = bytes(2**31)
    refused({"error": "model"}, lambda: mcdrl.ImageSegmenter.create_from_options(model=huge))


def test_images_too_large_for_one_call(segmenter, tmp_path):
    error = {"error": "image-too-large"}
    huge = bytes(2**31)
    refused(error, lambda: segmenter.segment(huge))
    refused(error, lambda: segmenter.segment(np.zeros((30000, 30000, 3), np.uint8)))
    refused(error, lambda: segmenter.segment(np.zeros((30000, 30000), np.uint8)))
    plane = mcdrl.Plane(huge, 8, 1)
    refused(error, lambda: segmenter.segment(mcdrl.Frame(8, 8, mcdrl.PixelFormat.RGB, (plane,))))
    sparse = tmp_path / "slide.tiff"
    with sparse.open("wb") as file:
        file.truncate(2**31)
    refused(error, lambda: segmenter.segment(sparse))


def test_paths_and_devices(segmenter):
    refused({"error": "image"}, lambda: segmenter.segment("/no/such/image.png"))
    refused({"error": "device"}, lambda: mcdrl.ImageSegmenter.create_from_options(model=MODEL, device="quantum"))
    refused({"error": "input"}, lambda: mcdrl.ImageSegmenter.create_from_options(model=7))
    # The segmenter still works after all errors.
    assert segmenter.segment(SAMPLE).device == "cpu"
