//! DICOM files, written here byte by byte. The files of pydicom are read in a test of the Python package.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, Rgb, RgbImage};
use mcdrl_image::{DicomFile, Error, Image, Mask, Note};

const ROWS: usize = 6;
const COLUMNS: usize = 8;
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const JPEG: &str = "1.2.840.10008.1.2.4.50";

/// An element in explicit little endian.
fn element(group: u16, number: u16, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == "UI" { 0 } else { b' ' });
    }
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend(vr.as_bytes());
    if matches!(vr, "OB" | "OW" | "SQ") {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    [bytes, value].concat()
}

fn short(group: u16, number: u16, value: u16) -> Vec<u8> {
    element(group, number, "US", &value.to_le_bytes())
}

/// A picture to be written.
struct Written {
    syntax: &'static str,
    photometric: &'static str,
    channels: u16,
    bits: [u16; 2],
    others: Vec<Vec<u8>>,
    frames: usize,
    pixels: Vec<u8>,
}

impl Written {
    fn grey(bits: [u16; 2], values: &[u16]) -> Self {
        let pixels: Vec<u8> = match bits[0] {
            8 => values.iter().map(|value| *value as u8).collect(),
            _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        Self {
            syntax: EXPLICIT,
            photometric: "MONOCHROME2",
            channels: 1,
            bits,
            others: Vec::new(),
            frames: 1,
            pixels: element(0x7fe0, 0x10, "OW", &pixels),
        }
    }

    fn rgb(frames: usize) -> Self {
        let pixels: Vec<u8> = (0..frames * ROWS * COLUMNS * 3).map(|at| (at * 5) as u8).collect();
        Self {
            photometric: "RGB",
            channels: 3,
            frames,
            pixels: element(0x7fe0, 0x10, "OW", &pixels),
            ..Self::grey([8, 8], &[])
        }
    }

    /// A JPEG picture in two fragments, with an empty table of offsets.
    fn jpeg(jpeg: &[u8]) -> Self {
        let item = |bytes: &[u8]| {
            let mut item = b"\xfe\xff\x00\xe0".to_vec();
            let padded = [bytes, &[0][..bytes.len() % 2]].concat();
            item.extend((padded.len() as u32).to_le_bytes());
            [item, padded].concat()
        };
        let (first, second) = jpeg.split_at(jpeg.len() / 4 * 2);
        let pixels = [
            b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff".to_vec(),
            item(&[]),
            item(first),
            item(second),
            b"\xfe\xff\xdd\xe0\0\0\0\0".to_vec(),
        ]
        .concat();
        Self { syntax: JPEG, pixels, ..Self::rgb(1) }
    }

    fn elements(&self) -> Vec<u8> {
        let mut elements = vec![
            element(8, 0x16, "UI", b"1.2.840.10008.5.1.4.1.1.77.1.1"),
            element(8, 0x18, "UI", b"1.2.3.4"),
            element(0x10, 0x10, "PN", b"Planted^Name"),
            element(0x20, 0x0d, "UI", b"1.2.3"),
            element(0x20, 0x0e, "UI", b"1.2.3.5"),
            short(0x28, 2, self.channels),
            element(0x28, 4, "CS", self.photometric.as_bytes()),
            element(0x28, 8, "IS", self.frames.to_string().as_bytes()),
            short(0x28, 0x10, ROWS as u16),
            short(0x28, 0x11, COLUMNS as u16),
            short(0x28, 0x100, self.bits[0]),
            short(0x28, 0x101, self.bits[1]),
            short(0x28, 0x102, self.bits[1].max(1) - 1),
            short(0x28, 0x103, 0),
        ];
        elements.extend(self.others.clone());
        elements.sort_by_key(|bytes| [1, 0, 3, 2].map(|at| bytes[at]));
        elements.push(self.pixels.clone());
        elements.concat()
    }

    fn file(&self) -> Vec<u8> {
        let syntax = element(2, 0x10, "UI", self.syntax.as_bytes());
        let meta = [
            element(2, 1, "OB", &[0, 1]),
            element(2, 2, "UI", b"1.2.840.10008.5.1.4.1.1.77.1.1"),
            element(2, 3, "UI", b"1.2.3.4"),
            syntax,
            element(2, 0x12, "UI", b"1.2.3.9"),
        ]
        .concat();
        let length = element(2, 0, "UL", &(meta.len() as u32).to_le_bytes());
        [vec![0; 128], b"DICM".to_vec(), length, meta, self.elements()].concat()
    }
}

fn ramp(step: u16) -> Vec<u16> {
    (0..(ROWS * COLUMNS) as u16).map(|at| at * step).collect()
}

fn greys(image: &Image) -> Vec<u8> {
    assert!(image.pixels().chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    image.pixels().iter().copied().step_by(3).collect()
}

/// A window, and the size of pixels.
fn window(center: &str, width: &str) -> Vec<Vec<u8>> {
    vec![
        element(0x28, 0x1050, "DS", center.as_bytes()),
        element(0x28, 0x1051, "DS", width.as_bytes()),
        element(0x28, 0x30, "DS", b"0.5\\0.25"),
    ]
}

#[test]
fn grey_values_are_scaled_by_their_bits_or_shown_through_the_window() {
    let bytes = Image::decode(&Written::grey([8, 8], &ramp(5)).file()).unwrap();
    assert_eq!(greys(&bytes), ramp(5).iter().map(|value| *value as u8).collect::<Vec<_>>());
    assert_eq!((bytes.notes(), bytes.pixel_size()), (&[][..], None));

    let deep = Image::decode(&Written::grey([16, 16], &ramp(21)).file()).unwrap();
    assert_eq!(deep.notes(), [Note::SignificantBits { bits: 16, used: 10 }]);
    assert_eq!(greys(&deep)[47], (47.0f32 * 21.0 / 1023.0 * 255.0).round() as u8);

    let shown = Written { others: window("500", "401"), ..Written::grey([16, 12], &ramp(21)) };
    let image = Image::decode(&shown.file()).unwrap();
    let expected = |value: &u16| {
        let share = (f32::from(*value) - 499.5) / 400.0 + 0.5;
        (255.0 * share.clamp(0.0, 1.0)).round() as u8
    };
    assert_eq!(greys(&image), ramp(21).iter().map(expected).collect::<Vec<_>>());
    assert_eq!(image.pixel_size(), Some([0.5, 0.25]));
    assert!(image.notes().is_empty());

    let inverted = Written { photometric: "MONOCHROME1", ..shown };
    let inverted = greys(&Image::decode(&inverted.file()).unwrap());
    assert!(inverted.iter().zip(greys(&image)).all(|(a, b)| *a == 255 - b));
}

#[test]
fn a_frame_has_its_own_window_and_function() {
    let item = |elements: &[Vec<u8>]| {
        let elements = elements.concat();
        let length = (elements.len() as u32).to_le_bytes();
        [b"\xfe\xff\x00\xe0".to_vec(), length.to_vec(), elements].concat()
    };
    let of_frame = |center: &str, function: &[u8]| {
        let [center, width, _] = window(center, "400").try_into().unwrap();
        let voi = item(&[center, width, element(0x28, 0x1056, "CS", function)]);
        item(&[element(0x28, 0x9132, "SQ", &voi)])
    };
    let frames = [of_frame("300", b"LINEAR_EXACT"), of_frame("600", b"SIGMOID")].concat();
    let values = [ramp(21), ramp(21)].concat();
    let written = Written {
        frames: 2,
        others: vec![element(0x5200, 0x9230, "SQ", &frames)],
        ..Written::grey([16, 12], &values)
    };
    let file = DicomFile::read(&written.file()).unwrap();
    let exact = |value: &u16| ((f32::from(*value) - 300.0) / 400.0 + 0.5).clamp(0.0, 1.0);
    let sigmoid = |value: &u16| 1.0 / (1.0 + (-4.0 * (f32::from(*value) - 600.0) / 400.0).exp());
    let bytes = |share: &dyn Fn(&u16) -> f32| -> Vec<u8> {
        ramp(21).iter().map(|value| (255.0 * share(value)).round() as u8).collect()
    };
    assert_eq!(greys(&file.frame(0).unwrap()), bytes(&exact));
    assert_eq!(greys(&file.frame(1).unwrap()), bytes(&sigmoid));
}

#[test]
fn every_frame_is_read() {
    let file = DicomFile::read(&Written::rgb(3).file()).unwrap();
    assert_eq!(file.frames(), 3);
    let length = ROWS * COLUMNS * 3;
    for frame in 0..3 {
        let expected: Vec<u8> = (0..length).map(|at| ((frame * length + at) * 5) as u8).collect();
        assert_eq!(file.frame(frame).unwrap().pixels(), expected);
    }
    assert!(file.frame(3).unwrap_err().to_string().contains("no frame 4"));
    let first = Image::decode(&Written::rgb(3).file()).unwrap();
    assert_eq!(first.notes(), [Note::Frames { frames: 3 }]);
}

#[test]
fn files_without_a_meta_group_are_read() {
    let written = Written::rgb(1);
    let expected = Image::decode(&written.file()).unwrap();
    let bare = written.elements();
    let marked = [vec![0; 128], b"DICM".to_vec(), bare.clone()].concat();
    for bytes in [bare, marked] {
        assert!(DicomFile::is_dicom(&bytes));
        assert_eq!(Image::decode(&bytes).unwrap(), expected);
    }
}

#[test]
fn a_jpeg_tells_its_colours_itself() {
    let picture = RgbImage::from_fn(COLUMNS as u32, ROWS as u32, |x, y| {
        Rgb([200, 20 + 5 * x as u8, 20 + 5 * y as u8])
    });
    let mut jpeg = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 95)).unwrap();
    let expected = Image::decode(&jpeg).unwrap();
    for photometric in ["YBR_FULL_422", "RGB", "MONOCHROME2"] {
        let image = Image::decode(&Written { photometric, ..Written::jpeg(&jpeg) }.file()).unwrap();
        assert_eq!(image.pixels(), expected.pixels(), "{photometric}");
    }
    // Without a marker of JFIF or Adobe the file tells.
    let silent = [&jpeg[..2], &jpeg[20..]].concat();
    let shown = |photometric| {
        Image::decode(&Written { photometric, ..Written::jpeg(&silent) }.file()).unwrap()
    };
    assert_eq!(shown("YBR_FULL").pixels(), expected.pixels());
    assert_ne!(shown("RGB").pixels(), expected.pixels());
    // A marker of Adobe that is too short tells nothing.
    let short = [&jpeg[..2], b"\xff\xee\0\x0cAdobe\0\0\0\0\0", &jpeg[2..]].concat();
    assert_eq!(Image::decode(&short).unwrap().pixels(), expected.pixels());
    let in_dicom = Image::decode(&Written { photometric: "RGB", ..Written::jpeg(&short) }.file());
    assert_eq!(in_dicom.unwrap().pixels(), expected.pixels());
}

#[test]
fn what_is_no_picture_is_named() {
    let without = Written { pixels: Vec::new(), ..Written::rgb(1) };
    let error = Image::decode(&without.file()).unwrap_err();
    assert!(error.to_string().contains("without pixel data") && error.is_junk());
    let video = Written { syntax: "1.2.840.10008.1.2.4.102", ..Written::jpeg(&[0; 4]) };
    let error = Image::decode(&video.file()).unwrap_err();
    assert!(matches!(error, Error::Kind(_)) && error.to_string().contains("video"), "{error}");
    let segmentation = Written { bits: [1, 1], ..Written::grey([8, 8], &ramp(1)) };
    let error = Image::decode(&segmentation.file()).unwrap_err().to_string();
    assert!(error.contains("segmentation"), "{error}");
}

#[test]
fn damaged_files_are_errors() {
    let mut png = Cursor::new(Vec::new());
    RgbImage::new(4, 4).write_to(&mut png, ImageFormat::Jpeg).unwrap();
    for file in [Written::rgb(2).file(), Written::jpeg(&png.into_inner()).file()] {
        for length in (0..file.len()).step_by(13) {
            // Elements that are missing at the end may not be needed.
            if let Err(error) = Image::decode(&file[..length]) {
                assert!(error.to_string().contains("not a readable image"), "{length}: {error}");
            }
        }
        for at in (132..file.len()).step_by(11) {
            let mut bytes = file.clone();
            bytes[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
            let _ = Image::decode(&bytes);
        }
    }
    let no_bits = Written { bits: [8, 0], ..Written::grey([8, 8], &ramp(1)) };
    let no_palette = Written { photometric: "PALETTE COLOR", ..Written::grey([8, 8], &ramp(1)) };
    let mut many = Written::rgb(1);
    many.frames = 2_000_000_000;
    for (written, words) in
        [(no_bits, "0 of 8 bits"), (no_palette, "palette"), (many, "2000000000 frames and has 1")]
    {
        let error = Image::decode(&written.file()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let file = Written::rgb(1).file();
    let error = Image::decode(&file[..file.len() - 10]).unwrap_err().to_string();
    assert!(error.contains("cut off"), "{error}");
}

#[test]
fn hostile_files_are_errors() {
    let undefined = |group: u16, number: u16, vr: &[u8]| {
        [&group.to_le_bytes()[..], &number.to_le_bytes(), vr, &[0xff; 4]].concat()
    };
    let refused = |others: Vec<u8>, words: &str| {
        // After the other elements, before the pixels.
        let written = Written { pixels: others, ..Written::rgb(1) };
        let error = Image::decode(&written.file()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    let level = [undefined(0x40, 0x100, b"SQ\0\0"), undefined(0xfffe, 0xe000, b"")].concat();
    refused(level.repeat(10_000), "levels");
    let huge = [&level[..], b"\x40\0\x02\x01OB\0\0\xf0\xff\xff\xff"].concat();
    refused(huge, "cut off");
    // A JPEG 2000 picture that ends after its header: its size, its coding, its quantization, its first tile.
    let jpeg_2000 = |side: u32, tile: u32, components: u16| {
        let sides = [side, side, 0, 0, tile, tile, 0, 0];
        let length = 38 + 3 * components;
        [
            b"\xff\x4f\xff\x51",
            &length.to_be_bytes()[..],
            b"\0\0",
            &sides.map(u32::to_be_bytes).concat(),
            &components.to_be_bytes(),
            &b"\x07\x01\x01".repeat(components.into()),
            b"\xff\x52\0\x0c\0\0\0\x01\0\0\x04\x04\0\x01\xff\x5c\0\x04\x40\x40",
            b"\xff\x90\0\x0a\0\0\0\0\0\0\0\x01\xff\x93",
        ]
        .concat()
    };
    let error = Image::decode(&Written::jpeg(&jpeg_2000(30_000, 30_000, 1)).file()).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let many_tiles = jpeg_2000(9_000, 1, 1);
    // A box before the stream may state a palette.
    let boxed = [b"\0\0\0\x0cjP  \r\n\x87\n".to_vec(), jpeg_2000(8, 8, 200)].concat();
    let mut subsampled = jpeg_2000(8, 8, 3);
    subsampled[46..48].copy_from_slice(&[2, 2]);
    for (stream, words) in [
        (many_tiles, "too many tiles"),
        (jpeg_2000(8, 8, 200), "200 values a pixel"),
        (boxed, "200 values a pixel"),
        (subsampled, "colours have another size"),
    ] {
        let error = Image::decode(&Written::jpeg(&stream).file()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_segmentation_refers_to_its_picture() {
    let file = DicomFile::read(&Written::rgb(2).file()).unwrap();
    let classes: Vec<u8> = (0..ROWS * COLUMNS).map(|at| u8::from(at % COLUMNS < 3)).collect();
    let mask = Mask::from_classes(COLUMNS, ROWS, classes).unwrap();
    let written = file.segmentation(1, &mask, &["polyp".into()]).unwrap();
    assert!(DicomFile::is_dicom(&written));
    for words in ["1.2.3.4", "1.2.3.5", "polyp", "Planted^Name", "BINARY"] {
        let found = written.windows(words.len()).any(|window| window == words.as_bytes());
        assert!(found, "{words}");
    }
    for classes in [vec![], vec!["polyp".to_owned(); 255]] {
        assert!(matches!(file.segmentation(1, &mask, &classes), Err(Error::Encode { .. })));
    }
    let unnamed = mask.map(|class| 2 * class);
    assert!(file.segmentation(1, &unnamed, &["polyp".into()]).is_err());
    let small = Mask::from_classes(1, 1, vec![1]).unwrap();
    let error = file.segmentation(0, &small, &["polyp".into()]).unwrap_err();
    assert!(matches!(error, Error::BufferLength { .. }), "{error}");
}
