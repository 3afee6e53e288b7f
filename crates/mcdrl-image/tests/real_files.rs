//! Files as hospitals have them: deep values, hidden colours, pages, missing ends, other kinds, colour profiles.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba};
use mcdrl_image::{Error, Image, Mask, MaskFile, MaskValue, Note};
use tiff::encoder::{TiffEncoder, colortype};

const SIDE: u32 = 48;

/// A smooth picture with some detail.
fn value(x: u32, y: u32) -> u8 {
    (40 + 3 * x + y + (x * y) % 7) as u8
}

fn picture() -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| Rgb([value(x, y), value(y, x), 90]))
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg() -> Vec<u8> {
    let mut bytes = Vec::new();
    picture().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 92)).unwrap();
    bytes
}

fn mean_difference(a: &Image, b: &Image) -> f64 {
    assert_eq!((a.width(), a.height()), (b.width(), b.height()));
    let pairs = a.pixels().iter().zip(b.pixels());
    pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.pixels().len() as f64
}

#[test]
fn deep_values_are_scaled_by_the_bits_that_are_used() {
    let grey = |factor: u16| {
        ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(SIDE, SIDE, |x, y| {
            Luma([u16::from(value(x, y)) * factor])
        })
    };
    let eight = image::GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([value(x, y)]));
    let expected = Image::decode(&encode(eight, ImageFormat::Png)).unwrap();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        for (factor, used) in [(257, 16), (16, 12), (4, 10)] {
            let image = Image::decode(&encode(grey(factor), format)).unwrap();
            assert!(mean_difference(&image, &expected) < 1.5, "{format:?} {factor}");
            let note = Note::SignificantBits { bits: 16, used };
            assert_eq!(image.notes(), if used < 16 { vec![note] } else { vec![] }, "{factor}");
        }
    }
}

fn float_tiff(scale: f32, offset: f32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let values: Vec<f32> = (0..SIDE * SIDE)
        .map(|at| f32::from(value(at % SIDE, at / SIDE)) / 255.0 * scale + offset)
        .collect();
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    encoder.write_image::<colortype::Gray32Float>(SIDE, SIDE, &values).unwrap();
    bytes.into_inner()
}

#[test]
fn floats_are_scaled_or_refused() {
    let unit = Image::decode(&float_tiff(1.0, 0.0)).unwrap();
    assert_eq!(unit.pixels()[0], value(0, 0));
    assert_eq!(Image::decode(&float_tiff(255.0, 0.0)).unwrap(), unit);
    let error = Image::decode(&float_tiff(2000.0, -1000.0)).unwrap_err().to_string();
    assert!(error.contains("scale them to 0..1"), "{error}");
}

#[test]
fn colours_under_transparent_pixels_have_no_influence() {
    let with = |hidden: [u8; 3]| {
        ImageBuffer::<Rgba<u8>, Vec<u8>>::from_fn(SIDE, SIDE, |x, y| {
            let [r, g, b] = if x < SIDE / 2 { picture().get_pixel(x, y).0 } else { hidden };
            Rgba([r, g, b, if x < SIDE / 2 { 255 } else { 0 }])
        })
    };
    let black = Image::decode(&encode(with([0; 3]), ImageFormat::Png)).unwrap();
    for hidden in [[255, 40, 40], [9, 200, 7]] {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
            assert_eq!(Image::decode(&encode(with(hidden), format)).unwrap(), black, "{format:?}");
        }
        let raw = Image::from_rgba(SIDE as usize, SIDE as usize, with(hidden).as_raw()).unwrap();
        assert_eq!(raw, black);
    }
}

fn pages(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
    for (page, side) in sizes.iter().enumerate() {
        let pixels = vec![10 * (page as u8 + 1); (side * side) as usize];
        encoder.write_image::<colortype::Gray8>(*side, *side, &pixels).unwrap();
    }
    bytes.into_inner()
}

#[test]
fn a_thumbnail_is_never_the_picture_and_other_pages_are_told() {
    let three = Image::decode(&pages(&[40, 40, 40])).unwrap();
    assert_eq!((three.pixels()[0], three.width()), (10, 40));
    assert_eq!(three.notes(), [Note::Pages { pages: 3 }]);
    let thumbnail_first = Image::decode(&pages(&[10, 40])).unwrap();
    assert_eq!((thumbnail_first.pixels()[0], thumbnail_first.width()), (20, 40));
    assert!(thumbnail_first.notes().is_empty());
}

#[test]
fn a_whole_jpeg_without_its_end_is_read_and_a_cut_one_is_not() {
    let whole = jpeg();
    let expected = Image::decode(&whole).unwrap();
    for missing in [1, 2] {
        let image = Image::decode(&whole[..whole.len() - missing]).unwrap();
        assert_eq!(image.pixels(), expected.pixels());
        assert_eq!(image.notes(), [Note::NoEndMarker]);
    }
    for share in 1..20 {
        let error = Image::decode(&whole[..whole.len() * share / 20]).unwrap_err().to_string();
        assert!(error.contains("cut off"), "{share}: {error}");
    }
}

#[test]
fn other_kinds_are_named() {
    let base = jpeg();
    let frame = base.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    let patched = |offset: usize, byte: u8| {
        let mut bytes = base.clone();
        bytes[frame + offset] = byte;
        bytes
    };
    let at = |offset: usize, mark: &[u8]| [&vec![0; offset], mark, &[0; 400]].concat();
    for (bytes, words) in [
        (patched(4, 12), "12-bit JPEG"),
        (patched(1, 0xc3), "lossless JPEG"),
        (patched(1, 0xc9), "arithmetic"),
        (at(4, b"ftypheic"), "HEIC"),
        (at(4, b"ftypavif"), "AVIF"),
        (at(4, b"ftypisom"), "video"),
        (at(0, b"\xff\x0a"), "JPEG XL"),
        (at(0, b"\x1a\x45\xdf\xa3"), "Matroska"),
        (at(0, b"%PDF-1.4"), "PDF"),
        (at(344, b"n+1\0"), "NIfTI"),
        (at(0, b"NRRD0004"), "NRRD"),
        (b"version https://git-lfs.github.com/spec/v1".to_vec(), "git lfs pull"),
        (b"\n<!DOCTYPE html><html>".to_vec(), "web page"),
        (Vec::new(), "empty"),
    ] {
        let error = Image::decode(&bytes).unwrap_err();
        assert!(matches!(error, Error::Kind(_)), "{error}");
        let error = error.to_string();
        assert!(error.contains("not a readable image") && error.contains(words), "{error}");
    }
    for dicom in [at(128, b"DICM"), b"\x08\0\x05\0CS\x0a\0ISO_IR 100".to_vec()] {
        let error = Image::decode(&dicom).unwrap_err().to_string();
        assert!(error.contains("not a readable image") && error.contains("DICOM"), "{error}");
    }
    assert!(Image::decode(&[]).unwrap_err().is_junk());
    assert!(!Image::decode(&at(4, b"ftypheic")).unwrap_err().is_junk());
}

#[test]
fn colour_profiles_are_converted_to_srgb() {
    let png = |icc: Option<Vec<u8>>| {
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        if let Some(icc) = icc {
            encoder.set_icc_profile(icc).unwrap();
        }
        let image = picture();
        encoder.write_image(&image, SIDE, SIDE, image::ExtendedColorType::Rgb8).unwrap();
        Image::decode(&bytes).unwrap()
    };
    let plain = png(None);
    let srgb = png(Some(moxcms::ColorProfile::new_srgb().encode().unwrap()));
    assert!(mean_difference(&srgb, &plain) < 1.0);
    let p3 = png(Some(moxcms::ColorProfile::new_display_p3().encode().unwrap()));
    assert!(mean_difference(&p3, &plain) > 3.0);
    // Another implementation converts alike.
    let (from, to) = (moxcms::ColorProfile::new_display_p3(), moxcms::ColorProfile::new_srgb());
    let (layout, options) = (moxcms::Layout::Rgb, moxcms::TransformOptions::default());
    let transform = from.create_transform_8bit(layout, &to, layout, options).unwrap();
    let mut converted = picture().into_raw();
    transform.transform(&picture(), &mut converted).unwrap();
    let converted = Image::from_rgb(SIDE as usize, SIDE as usize, converted).unwrap();
    assert!(mean_difference(&p3, &converted) < 1.0);
    let short = [&[0; 16], b"RGB ".as_slice()].concat();
    for broken in [b"no profile".to_vec(), short] {
        assert_eq!(png(Some(broken)), plain);
    }
}

#[test]
fn the_gamma_of_a_png_file_is_applied() {
    let with_gamma = |gamma: u32| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_source_gamma(png::ScaledFloat::from_scaled(gamma));
        encoder.write_header().unwrap().write_image_data(&picture()).unwrap();
        Image::decode(&bytes).unwrap()
    };
    let plain = Image::decode(&encode(picture(), ImageFormat::Png)).unwrap();
    assert_eq!(with_gamma(45_455), plain);
    // Linear light looks brighter in sRGB: 0.2 becomes 0.48.
    let linear = with_gamma(100_000);
    let at = plain.pixels().iter().position(|value| *value == 51).unwrap();
    assert!(linear.pixels()[at].abs_diff(124) <= 1, "{}", linear.pixels()[at]);
}

#[test]
fn palette_masks_have_their_indices() {
    let (width, height) = (7, 3);
    let indices: Vec<u8> = (0..width * height).map(|at| (at % 6) as u8).collect();
    for depth in [png::BitDepth::Four, png::BitDepth::Eight] {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(depth);
        encoder.set_palette((0..6).flat_map(|index| [50 * index, 0, 0]).collect::<Vec<u8>>());
        let rows = indices.chunks(width as usize);
        let data: Vec<u8> = match depth {
            png::BitDepth::Eight => indices.clone(),
            _ => rows
                .flat_map(|row| row.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)))
                .collect(),
        };
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        assert_eq!(Mask::decode(&bytes).unwrap().classes(), indices, "{depth:?}");
        assert_eq!(MaskFile::decode(&bytes).unwrap().palette().unwrap()[2], [100, 0, 0]);
    }
}

#[test]
fn an_alpha_channel_can_be_the_mask() {
    let mask = |color: [u8; 3], alpha: fn(u32) -> u8| {
        let pixel = |x, _| Rgba([color[0], color[1], color[2], alpha(x)]);
        let image = ImageBuffer::<Rgba<u8>, Vec<u8>>::from_fn(8, 4, pixel);
        MaskFile::decode(&encode(image, ImageFormat::Png)).unwrap().counts()
    };
    let in_alpha = mask([255; 3], |x| if x < 2 { 255 } else { 0 });
    assert_eq!(
        in_alpha.into_iter().collect::<Vec<_>>(),
        [(MaskValue::Index(0), 24), (MaskValue::Index(255), 8)]
    );
    let opaque = mask([3; 3], |_| 255);
    assert_eq!(opaque.into_iter().collect::<Vec<_>>(), [(MaskValue::Index(3), 32)]);
}

#[test]
fn mask_values_have_a_text() {
    for (text, value) in [("51", MaskValue::Index(51)), ("#80000a", MaskValue::Color([128, 0, 10]))]
    {
        assert_eq!(text.parse(), Ok(value));
        assert_eq!(value.to_string(), text);
    }
    assert!("#12".parse::<MaskValue>().is_err() && "polyp".parse::<MaskValue>().is_err());
}

#[test]
fn an_upright_file_has_no_turn() {
    assert_eq!(Image::decode(&jpeg()).unwrap().turn(), None);
}

/// A grey TIFF file of 16 bits with one strip, written by hand.
fn grey_tiff(values: &[u16], photometric: u16, orientation: u16) -> Vec<u8> {
    let tags: [(u16, u16, u32); 9] = [
        (256, 3, SIDE),
        (257, 3, SIDE),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, photometric.into()),
        (273, 4, 8),
        (274, 3, orientation.into()),
        (277, 3, 1),
        (279, 4, 2 * SIDE * SIDE),
    ];
    let mut bytes = b"II\x2a\0".to_vec();
    bytes.extend((8 + 2 * SIDE * SIDE).to_le_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn twelve_bits_whose_white_is_zero_are_scaled_and_inverted() {
    let at = |at: u32| value(at % SIDE, at / SIDE);
    let stored: Vec<u16> =
        (0..SIDE * SIDE).map(|pixel| 16 * (255 - u16::from(at(pixel)))).collect();
    let image = Image::decode(&grey_tiff(&stored, 0, 1)).unwrap();
    assert_eq!(image.notes(), [Note::SignificantBits { bits: 16, used: 12 }]);
    let shown = image.pixels().iter().step_by(3);
    assert!(shown.zip(0..).all(|(shown, pixel)| shown.abs_diff(at(pixel)) <= 2));
    let turned = Image::decode(&grey_tiff(&stored, 0, 3)).unwrap();
    assert_eq!(turned.turn().map(|turn| turn.exif()), Some(3));
    assert_eq!(turned.pixels()[0], *image.pixels().last().unwrap());
}

#[test]
fn broken_headers_are_errors() {
    // Sizes and counts at random places of small files.
    let files = [pages(&[9, 9]), float_tiff(1.0, 0.0), jpeg(), grey_tiff(&[0; 48 * 48], 1, 1)];
    for file in files {
        for at in (0..file.len()).step_by(file.len() / 97 + 1) {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut broken = file.clone();
                broken[at] = byte;
                // Neither may panic.
                let _ = (Image::decode(&broken), MaskFile::decode(&broken));
            }
        }
    }
    let gif =
        b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    assert!(Image::decode(gif).is_err());
}
