//! Decoding of image and mask files, and scaling.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Luma, RgbImage};
use mcdrl_image::{Error, Image, Mask};

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Red at the top left, black elsewhere, 32 × 16.
fn marked() -> DynamicImage {
    let colour = |x, y| if x < 16 && y < 8 { image::Rgb([250, 0, 0]) } else { image::Rgb([0; 3]) };
    RgbImage::from_fn(32, 16, colour).into()
}

/// A JPEG with an EXIF segment that has only the orientation.
fn jpeg_with_orientation(orientation: u8) -> Vec<u8> {
    let jpeg = encode(&marked(), ImageFormat::Jpeg);
    let tiff = [
        b'M',
        b'M',
        0,
        42,
        0,
        0,
        0,
        8, // big-endian TIFF, first directory at 8
        0,
        1, // one entry
        0x01,
        0x12,
        0,
        3,
        0,
        0,
        0,
        1,
        0,
        orientation,
        0,
        0, // orientation, a short
        0,
        0,
        0,
        0, // no further directory
    ];
    let mut bytes = jpeg[..2].to_vec();
    let length = 2 + 6 + tiff.len() as u16;
    bytes.extend([0xff, 0xe1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(tiff);
    bytes.extend(&jpeg[2..]);
    bytes
}

#[test]
fn exif_orientation_is_applied() {
    let red_at =
        |image: &Image, x: usize, y: usize| image.pixels()[(y * image.width() + x) * 3] > 128;
    let plain = Image::decode(&jpeg_with_orientation(1)).unwrap();
    assert_eq!((plain.width(), plain.height()), (32, 16));
    assert!(red_at(&plain, 4, 2) && !red_at(&plain, 28, 2));
    // Orientation 6: the top left of the file is the top right of the image.
    let turned = Image::decode(&jpeg_with_orientation(6)).unwrap();
    assert_eq!((turned.width(), turned.height()), (16, 32));
    assert!(red_at(&turned, 13, 4) && !red_at(&turned, 2, 4));
    let upside_down = Image::decode(&jpeg_with_orientation(3)).unwrap();
    assert!(red_at(&upside_down, 28, 14) && !red_at(&upside_down, 4, 2));
}

#[test]
fn files_that_are_cut_off_are_refused() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Tiff, ImageFormat::Bmp] {
        let bytes = encode(&marked(), format);
        assert!(Image::decode(&bytes).is_ok(), "{format:?}");
        for tenth in 0..10 {
            let cut = &bytes[..bytes.len() * tenth / 10];
            assert!(Image::decode(cut).is_err(), "{format:?} cut at {tenth} tenths");
        }
    }
    // Bytes after the end of the image are allowed.
    let mut longer = jpeg_with_orientation(1);
    longer.extend([0; 100]);
    assert!(Image::decode(&longer).is_ok());
}

#[test]
fn masks_keep_their_class_indices() {
    let classes = |x: u32, y: u32| ((x + y) % 4) as u8;
    let grey = image::GrayImage::from_fn(9, 7, |x, y| Luma([classes(x, y)]));
    let expected: Vec<u8> = (0..7).flat_map(|y| (0..9).map(move |x| classes(x, y))).collect();
    let deep =
        image::ImageBuffer::<Luma<u16>, _>::from_fn(9, 7, |x, y| Luma([classes(x, y).into()]));
    let colour = DynamicImage::from(grey.clone()).to_rgb8();
    for image in [grey.into(), DynamicImage::ImageLuma16(deep), colour.into()] {
        let mask = Mask::decode(&encode(&image, ImageFormat::Png)).unwrap();
        assert_eq!(mask.classes(), expected);
        assert_eq!(Mask::decode(&mask.encode_png().unwrap()).unwrap(), mask);
    }
    let error = Mask::decode(&encode(&marked(), ImageFormat::Png)).unwrap_err();
    assert!(error.to_string().contains("colours"), "{error}");
}

#[test]
fn buffers_of_a_wrong_length_are_refused() {
    assert!(matches!(Image::from_rgb(4, 4, vec![0; 47]), Err(Error::BufferLength { .. })));
    assert!(matches!(Image::from_rgba(0, 4, &[]), Err(Error::BufferLength { .. })));
    assert!(matches!(Mask::from_classes(2, 2, vec![0; 5]), Err(Error::BufferLength { .. })));
    let rgba = Image::from_rgba(1, 2, &[1, 2, 3, 255, 4, 5, 6, 0]).unwrap();
    assert_eq!(rgba.pixels(), [1, 2, 3, 0, 0, 0]);
}

#[test]
fn scaling_keeps_uniform_images_and_the_values_of_masks() {
    let grey = Image::from_rgb(50, 30, vec![77; 50 * 30 * 3]).unwrap();
    assert!(grey.resize(17, 90).pixels().iter().all(|value| *value == 77));
    let mask = Mask::from_classes(4, 2, vec![0, 1, 2, 3, 3, 2, 1, 0]).unwrap();
    let large = mask.resize(8, 4);
    assert_eq!(large.classes()[..8], [0, 0, 1, 1, 2, 2, 3, 3]);
    assert_eq!(large.resize(4, 2), mask);
}
