"""DICOM: the frames that pydicom reads, and segmentations that highdicom reads. The files are those of pydicom's package."""

from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.uid import JPEG2000

import mcdrl

FILES = Path(pydicom.data.__file__).parent / "test_files"

#: Files of different transfer syntaxes and photometric interpretations, whose values must be equal.
EXACT = [
    "CT_small.dcm",  # explicit little endian, signed, rescaled
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "693_J2KI.dcm",  # JPEG 2000
    "image_dfl.dcm",  # deflated
    "rtdose.dcm",  # 32 bits, 15 frames
    "rtdose_expb.dcm",  # the same in big endian
    "examples_overlay.dcm",  # a window
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_jpeg2k.dcm",  # YBR_RCT
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_rle_32bit.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_rgb_jpeg_gdcm.dcm",  # lossless JPEG
    "SC_rgb_jpeg_dcmtk.dcm",  # baseline JPEG, YBR_FULL
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "J2K_pixelrep_mismatch.dcm",
]

#: JPEG and JPEG 2000 in which two decoders round differently, or smooth colours differently. The tag of some does not fit the JPEG.
NEAR = [
    "JPEG2000.dcm",  # lossy, 16 bits, signed
    "JPGExtended.dcm",  # 12 bits
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_jpeg_no_color_transform_2.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_rgb_jpeg.dcm",  # its Adobe segment is too short
    "examples_ybr_color.dcm",
]


def shown(name):
    """A frame as 8-bit RGB, by pydicom's values and the standard's formulas."""
    file = pydicom.dcmread(FILES / name)
    values = pixel_array(file, index=0)
    if file.PhotometricInterpretation == "PALETTE COLOR":
        colors = apply_color_lut(values, file)
        return colors >> 8 if colors.max() > 255 else colors
    if values.ndim == 3:
        return byte(values / (2.0**file.BitsStored - 1))
    quantity = apply_modality_lut(values, file).astype(float)
    if "WindowCenter" in file:
        first = [float(np.atleast_1d(value)[0]) for value in (file.WindowCenter, file.WindowWidth)]
        center, width = first
        share = (quantity - (center - 0.5)) / (width - 1) + 0.5
    else:
        bits = min(max(8, (int(values.max()).bit_length() + 1) // 2 * 2), file.BitsStored)
        ends = [values.min(), values.max()] if file.PixelRepresentation else [0, 2**bits - 1]
        low, high = (float(apply_modality_lut(np.array([end]), file)[0]) for end in ends)
        share = (quantity - low) / (high - low)
    grey = byte(np.clip(share, 0, 1))
    grey = 255 - grey if file.PhotometricInterpretation == "MONOCHROME1" else grey
    return np.repeat(grey[..., None], 3, axis=2)


def byte(share):
    return np.floor(255 * share + 0.5).astype(int)


@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_those_of_pydicom(name):
    np.testing.assert_array_equal(mcdrl.DicomFile(FILES / name).frame(0).pixels, shown(name))


@pytest.mark.parametrize("name", NEAR)
def test_lossy_pixels_are_near_those_of_pydicom(name):
    difference = np.abs(mcdrl.DicomFile(FILES / name).frame(0).pixels - shown(name).astype(int))
    assert difference.max() <= 3 and (difference > 0).mean() <= 0.1


def test_lossy_jpeg_2000_stays_in_the_range_of_its_bits(tmp_path):
    picture = np.zeros((96, 128, 3), np.uint8)
    picture[:, 64:] = 255
    picture[30:60, 20:100] = (255, 0, 0)
    file = pydicom.dcmread(FILES / "SC_rgb_small_odd.dcm")
    file.Rows, file.Columns = picture.shape[:2]
    file.PlanarConfiguration, file.PhotometricInterpretation = 0, "YBR_ICT"
    file.compress(JPEG2000, picture, j2k_cr=[8])
    file.save_as(tmp_path / "lossy.dcm")
    # Beyond an edge, a wavelet goes below black and above white.
    found = mcdrl.DicomFile(tmp_path / "lossy.dcm").frame(0).pixels
    assert np.abs(found - picture.astype(int)).max() <= 8
    assert np.abs(found - pixel_array(file).astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MR_truncated.dcm", "cut off"),
        ("rtplan.dcm", "without pixel data"),
        ("JPEGLSNearLossless_08.dcm", "JPEG-LS"),
        ("liver_1frame.dcm", "segmentation"),
    ],
)
def test_what_is_not_read_is_named(name, words):
    with pytest.raises(mcdrl.SegmenterError, match=words) as error:
        mcdrl.DicomFile(FILES / name).frame(0)
    assert error.value.code == "image"


def test_all_frames_are_read():
    file = mcdrl.DicomFile(FILES / "SC_rgb_rle_2frame.dcm")
    assert file.frames == 2
    for index in range(2):
        expected = pixel_array(pydicom.dcmread(FILES / "SC_rgb_rle_2frame.dcm"), index=index)
        np.testing.assert_array_equal(file.frame(index).pixels, expected)
    with pytest.raises(mcdrl.SegmenterError, match="counted from 0"):
        file.frame(2)


def test_a_file_is_segmented_like_its_pixels(segmenter):
    path = FILES / "examples_rgb_color.dcm"
    found = segmenter.segment(path)
    expected = segmenter.segment(mcdrl.DicomFile(path).frame(0).pixels)
    np.testing.assert_array_equal(found.category_mask, expected.category_mask)


@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_ybr_color.dcm", "SC_rgb_rle_2frame.dcm"])
def test_segmentations_open_in_highdicom(name, tmp_path):
    source = pydicom.dcmread(FILES / name)
    rows, columns = np.mgrid[: source.Rows, : source.Columns]
    mask = np.where(rows * 4 < source.Rows, 1, np.where(columns * 3 < source.Columns, 2, 0)).astype(np.uint8)
    last = int(source.get("NumberOfFrames", 1)) - 1
    written = mcdrl.DicomFile(FILES / name).segmentation(last, mask, ["polyp", "laryngeal lesion"])
    (tmp_path / "seg.dcm").write_bytes(written)
    segmentation = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert segmentation.segmented_property_types and segmentation.get_segment_description(2).segment_label == "laryngeal lesion"
    assert segmentation.StudyInstanceUID == source.StudyInstanceUID and segmentation.PatientID == source.PatientID
    assert segmentation.SOPInstanceUID != source.SOPInstanceUID
    if last:
        found = segmentation.get_pixels_by_source_frame(source.SOPInstanceUID, [last + 1], combine_segments=True)
    else:
        found = segmentation.get_pixels_by_source_instance([source.SOPInstanceUID], combine_segments=True)
    np.testing.assert_array_equal(found[0], mask)
    if "ImagePositionPatient" in source:
        affine = segmentation.get_volume_geometry().affine
        np.testing.assert_allclose(affine[:3, 3], source.ImagePositionPatient)
        np.testing.assert_allclose(np.abs(affine[:3, 1:3]).max(axis=0), source.PixelSpacing)


def test_a_mask_of_another_size_is_refused():
    file = mcdrl.DicomFile(FILES / "CT_small.dcm")
    with pytest.raises(mcdrl.SegmenterError, match="128×128"):
        file.segmentation(0, np.zeros((4, 4), np.uint8), ["polyp"])
