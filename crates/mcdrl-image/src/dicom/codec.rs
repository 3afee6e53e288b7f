//! Compressed frames. Their own first bytes tell the compression, since what the file says of it is sometimes wrong.

use hayro_jpeg2000::{self as jpeg2000, DecodeSettings, DecoderContext};
use image::{DynamicImage, RgbImage};
use oxiarc_jpeg::{DecodeOptions, Decoder, JpegError};

use super::broken;
use super::dataset::Dataset;
use super::frames::FrameBytes;
use super::samples::{self, Layout, Samples};
use crate::decode::{check_size, decode as decode_file};
use crate::kind::FileKind;
use crate::{Error, Result};

/// The start of a JPEG 2000 picture, before its size.
const CODE_STREAM: &[u8] = b"\xff\x4f\xff\x51";

/// A decoded frame.
pub enum Decoded {
    /// Colours whose conversion the picture itself states.
    Rgb(RgbImage),
    /// Values as they are stored.
    Samples(Samples),
}

/// Decodes the bytes of a frame.
pub fn decode(dataset: &Dataset, bytes: &FrameBytes<'_>) -> Result<Decoded> {
    match bytes {
        FrameBytes::Plain(bytes) => Ok(Decoded::Samples(Layout::of(dataset)?.samples(bytes))),
        FrameBytes::Compressed(bytes) => {
            const JP2: &[u8] = b"\0\0\0\x0cjP  ";
            if bytes.starts_with(b"\xff\xd8") {
                jpeg(dataset, bytes)
            } else if bytes.starts_with(CODE_STREAM) || bytes.starts_with(JP2) {
                jpeg_2000(dataset, bytes)
            } else {
                Ok(Decoded::Samples(run_lengths(&Layout::of(dataset)?, bytes)?))
            }
        }
    }
}

/// The kinds of JPEG by the marker before their size.
fn jpeg(dataset: &Dataset, bytes: &[u8]) -> Result<Decoded> {
    const LOSSLESS: u8 = 0xc3;
    const JPEG_LS: u8 = 0xf7;
    let bytes = &*crate::jpeg::without_short_adobe(bytes);
    match crate::jpeg::frame_marker(bytes) {
        Some((JPEG_LS, _)) => Err(Error::Kind(FileKind::DICOM_JPEG_LS)),
        Some((marker, bits)) if marker == LOSSLESS || bits > 8 => {
            deep_jpeg(dataset, &crate::jpeg::with_whole_band(bytes))
        }
        _ if !crate::jpeg::tells_colors(bytes) && dataset.photometric() == "RGB" => {
            bytes_a_value(&crate::jpeg::as_rgb(bytes))
        }
        _ => bytes_a_value(bytes),
    }
}

/// A JPEG of 8 bits.
fn bytes_a_value(bytes: &[u8]) -> Result<Decoded> {
    let image = match decode_file(bytes)?.image {
        DynamicImage::ImageLuma8(image) => image,
        image => return Ok(Decoded::Rgb(image.into_rgb8())),
    };
    let (width, height) = (image.width() as usize, image.height() as usize);
    let values = image.into_raw().into_iter().map(i64::from).collect();
    let samples = Samples { width, height, channels: 1, bits: 8, is_signed: false, values };
    Ok(Decoded::Samples(samples))
}

/// A JPEG that is lossless or has more than 8 bits. The values are decoded as they are stored: what their colours are, only the
/// file tells.
fn deep_jpeg(dataset: &Dataset, bytes: &[u8]) -> Result<Decoded> {
    let wrong = |error: JpegError| Error::Decode { reason: error.to_string() };
    let mut decoder = Decoder::with_options(bytes, DecodeOptions::raw());
    let info = decoder.read_info().map_err(wrong)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    check_size(width, height)?;
    let channels = usize::from(info.num_components);
    if !matches!(channels, 1 | 3) {
        return Err(broken(format!("has a JPEG with {channels} values a pixel; 1 and 3 are read")));
    }
    let stored = decoder.decode_u16().map_err(wrong)?;
    let layout = Layout::of(dataset)?;
    let (bits, is_signed) = (layout.bits_stored.min(info.precision.into()), layout.is_signed);
    let value = |value: &u16| samples::number((*value).into(), bits, is_signed);
    let values = stored.iter().map(value).collect();
    Ok(Decoded::Samples(Samples { width, height, channels, bits, is_signed, values }))
}

fn jpeg_2000(dataset: &Dataset, bytes: &[u8]) -> Result<Decoded> {
    // The boxes around the stream may state colours that DICOM states too.
    let start = bytes.windows(CODE_STREAM.len()).position(|mark| mark == CODE_STREAM);
    let stream = &bytes[start.unwrap_or(bytes.len())..];
    let StreamSize { width, height, components, is_signed: is_shifted } = StreamSize::of(stream)?;
    let wrong = |error| Error::Decode { reason: format!("JPEG 2000: {error}") };
    let picture = jpeg2000::Image::new(stream, &DecodeSettings::default()).map_err(wrong)?;
    let mut context = DecoderContext::default();
    let decoded = picture.decode(&mut context).map_err(wrong)?;
    let channels = if components >= 3 { 3 } else { 1 };
    let planes: Vec<_> = decoded.components().iter().take(channels).collect();
    let pixels = width * height;
    if planes.len() < channels || planes.iter().any(|plane| plane.samples().len() != pixels) {
        return Err(broken(OTHER_SIZE));
    }
    // Where the picture and the file differ, the file says whether values are signed.
    let bits = u32::from(planes[0].bit_depth()).clamp(1, 32);
    let is_signed = Layout::of(dataset)?.is_signed;
    // The decoder takes all values for unsigned and adds half of the range to signed ones. A lossy picture leaves the range.
    let shift = if is_shifted { 1_i64 << (bits - 1) } else { 0 };
    let largest = ((1_u64 << bits) - 1) as f32;
    let value = |at: usize, samples: &[f32]| {
        let stored = samples[at].round().clamp(0.0, largest) as i64;
        samples::number(stored - shift, bits, is_signed)
    };
    let values =
        (0..pixels).flat_map(|at| planes.iter().map(move |plane| value(at, plane.samples())));
    let values = values.collect();
    Ok(Decoded::Samples(Samples { width, height, channels, bits, is_signed, values }))
}

const OTHER_SIZE: &str = "has a JPEG 2000 picture whose colours have another size";

/// The size of a JPEG 2000 stream (ISO 15444-1, A.5.1).
struct StreamSize {
    width: usize,
    height: usize,
    components: usize,
    is_signed: bool,
}

impl StreamSize {
    /// Reads and checks the size, because the decoder reserves memory for it.
    fn of(stream: &[u8]) -> Result<Self> {
        const MOST_TILES: u64 = 65_535;
        let missing = || broken("has a JPEG 2000 picture without a size");
        let head: &[u8; 45] = stream.first_chunk().ok_or_else(missing)?;
        let word =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let [right, bottom, left, top] = [8, 12, 16, 20].map(word);
        let [tile_width, tile_height, tiles_left, tiles_top] = [24, 28, 32, 36].map(word);
        let components = usize::from(u16::from_be_bytes([head[40], head[41]]));
        let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
        check_size(width as usize, height as usize)?;
        let tiles = |end: u32, start: u32, side: u32| {
            u64::from(end.saturating_sub(start)).div_ceil(u64::from(side.max(1)))
        };
        let across = tiles(right, tiles_left, tile_width);
        if across.saturating_mul(tiles(bottom, tiles_top, tile_height)) > MOST_TILES {
            return Err(broken("has a JPEG 2000 picture of too many tiles"));
        }
        if !(1..=4).contains(&components) {
            return Err(broken(format!(
                "has a JPEG 2000 picture with {components} values a pixel"
            )));
        }
        // Each component has its bits, and its steps across and down.
        let steps = |at: usize| stream.get(43 + 3 * at..45 + 3 * at);
        if (1..components).any(|at| steps(at) != steps(0)) {
            return Err(broken(OTHER_SIZE));
        }
        let is_signed = head[42] >> 7 == 1;
        Ok(Self { width: width as usize, height: height as usize, components, is_signed })
    }
}

/// PS3.5, annex G: each byte of each channel is a plane of its own, the highest first.
fn run_lengths(layout: &Layout, bytes: &[u8]) -> Result<Samples> {
    /// The number of planes, and fifteen offsets.
    const HEADER: usize = 64;
    let wrong = || broken("has a frame of an unknown compression, or a damaged one");
    let word = |at: usize| {
        let word = bytes.get(4 * at..4 * at + 4).and_then(|word| word.first_chunk::<4>());
        word.map(|word| u32::from_le_bytes(*word) as usize).ok_or_else(wrong)
    };
    let bytes_a_value = layout.bits_allocated as usize / 8;
    let planes = layout.channels * bytes_a_value;
    if word(0)? != planes || bytes.len() < HEADER {
        return Err(wrong());
    }
    let pixels = layout.width * layout.height;
    let mut stored = vec![0; pixels * planes];
    for plane in 0..planes {
        let start = word(1 + plane)?;
        let end = if plane + 1 < planes { word(2 + plane)? } else { bytes.len() };
        let unpacked = unpack_bits(bytes.get(start..end).ok_or_else(wrong)?, pixels);
        if unpacked.len() < pixels {
            return Err(broken("is cut off"));
        }
        let (channel, byte) = (plane / bytes_a_value, bytes_a_value - 1 - plane % bytes_a_value);
        let places = stored.iter_mut().skip(channel * bytes_a_value + byte).step_by(planes);
        places.zip(unpacked).for_each(|(place, byte)| *place = byte);
    }
    let interleaved = Layout { is_planar: false, is_halved: false, ..*layout };
    Ok(interleaved.samples(&stored))
}

/// Apple's PackBits: a number says how many bytes follow, or how often the next is repeated.
fn unpack_bits(packed: &[u8], length: usize) -> Vec<u8> {
    let mut unpacked = Vec::with_capacity(length);
    let mut rest = packed;
    while let ([count, tail @ ..], true) = (rest, unpacked.len() < length) {
        let count = *count as i8;
        let (bytes, repeats) = match count {
            0.. => (tail.len().min(count as usize + 1), 1),
            -127..0 => (tail.len().min(1), 1 - i32::from(count)),
            -128 => (0, 0),
        };
        (0..repeats).for_each(|_| unpacked.extend_from_slice(&tail[..bytes]));
        rest = &tail[bytes..];
    }
    unpacked.truncate(length);
    unpacked
}
