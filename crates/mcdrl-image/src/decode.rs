//! Decoding of image files: what they are, their size, their orientation, their depth and their colours.

use std::borrow::Cow;
use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::kind::FileKind;
use crate::tiff::{Page, Values};
use crate::{Error, MAX_MEGAPIXELS, Note, Result, color_profile, depth, jpeg};

/// A decoded file, as it lies there: not turned, in its own depth and colours.
pub struct Decoded {
    /// The pixels. Those of a TIFF page with a palette are grey indices.
    pub image: DynamicImage,
    /// The colours of the indices.
    pub palette: Option<Vec<[u8; 3]>>,
    /// Whether white is zero.
    pub is_inverted: bool,
    /// How EXIF turns the picture.
    pub orientation: Orientation,
    /// The ICC profile.
    pub icc: Option<Vec<u8>>,
    /// Remarks.
    pub notes: Vec<Note>,
}

/// Decodes a file to upright 8-bit sRGB.
pub fn decode_rgb(bytes: &[u8]) -> Result<(RgbImage, Orientation, Vec<Note>)> {
    let Decoded { image, palette, is_inverted, orientation, icc, mut notes } = decode(bytes)?;
    let mut rgb = match palette {
        Some(palette) => {
            let indices = image.into_luma8();
            let color = |index: u8| *palette.get(usize::from(index)).unwrap_or(&[0; 3]);
            // A page of one bit is decoded to 0 and 255.
            let indices = if palette.len() == 2 { one_bit(indices) } else { indices };
            let pixel = |x, y| color(indices.get_pixel(x, y).0[0]).into();
            RgbImage::from_fn(indices.width(), indices.height(), pixel)
        }
        None => depth::to_rgb8(image, &mut notes)?,
    };
    if is_inverted {
        image::imageops::invert(&mut rgb);
    }
    match icc {
        Some(icc) => color_profile::to_srgb(&mut rgb, &icc),
        None => color_profile::from_png_gamma(&mut rgb, bytes),
    }
    let mut image = DynamicImage::from(rgb);
    image.apply_orientation(orientation);
    Ok((image.into_rgb8(), orientation, notes))
}

/// Decodes a file.
pub fn decode(bytes: &[u8]) -> Result<Decoded> {
    let mut notes = Vec::new();
    let format = image::guess_format(bytes).ok();
    let is_still_gif =
        || cfg!(feature = "gif") && format == Some(ImageFormat::Gif) && is_still(bytes);
    if let Some(kind) = FileKind::of(bytes)
        && !is_still_gif()
    {
        return Err(Error::Kind(kind));
    }
    let (mut palette, mut is_inverted, mut of_page) = (None, false, None);
    let bytes: Cow<[u8]> = match format {
        Some(ImageFormat::Jpeg) => {
            let pixels = |bytes: &[u8]| Some(read(bytes).ok()?.image.into_bytes());
            let bytes = jpeg::without_short_adobe(bytes);
            jpeg::complete(&bytes, pixels, &mut notes)?.into_owned().into()
        }
        Some(ImageFormat::Tiff) => match Page::find(bytes) {
            Some(page) => {
                if page.pages > 1 {
                    notes.push(Note::Pages { pages: page.pages });
                }
                is_inverted = page.is_inverted;
                of_page = Orientation::from_exif(page.orientation);
                if let Some(values) = Values::read(&page.bytes)? {
                    let image = depth::to_grey8(&values, &mut notes)?.into();
                    let orientation = of_page.unwrap_or(Orientation::NoTransforms);
                    return Ok(Decoded {
                        image,
                        palette,
                        is_inverted,
                        orientation,
                        icc: None,
                        notes,
                    });
                }
                palette = page.palette;
                page.bytes.into()
            }
            None => bytes.into(),
        },
        _ => bytes.into(),
    };
    let File { image, orientation, icc } = read(&bytes)?;
    let orientation = of_page.unwrap_or(orientation);
    Ok(Decoded { image, palette, is_inverted, orientation, icc, notes })
}

/// The indices of a page of one bit.
pub fn one_bit(mut indices: GrayImage) -> GrayImage {
    indices.iter_mut().for_each(|index| *index = u8::from(*index != 0));
    indices
}

struct File {
    image: DynamicImage,
    orientation: Orientation,
    icc: Option<Vec<u8>>,
}

fn read(bytes: &[u8]) -> Result<File> {
    let mut decoder = open(bytes)?;
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    decoder.set_limits(Limits::default()).map_err(unreadable)?;
    let orientation = decoder.orientation().map_err(unreadable)?;
    // A profile that cannot be read is no reason to refuse the picture.
    let icc = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    Ok(File { image, orientation, icc })
}

fn open(bytes: &[u8]) -> Result<impl ImageDecoder> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let reader = reader.map_err(|e| unreadable(e.into()))?;
    if reader.format().is_none() {
        let reason = "its first bytes are those of no image format".into();
        return Err(Error::Decode { reason });
    }
    reader.into_decoder().map_err(unreadable)
}

fn unreadable(error: image::ImageError) -> Error {
    Error::Decode { reason: error.to_string() }
}

/// Whether a GIF file has a single frame.
#[cfg(feature = "gif")]
fn is_still(bytes: &[u8]) -> bool {
    use image::AnimationDecoder;
    let Ok(mut decoder) = image::codecs::gif::GifDecoder::new(Cursor::new(bytes)) else {
        return true;
    };
    let (width, height) = decoder.dimensions();
    // A file that is too large is refused with its size later.
    let fits = check_size(width as usize, height as usize).is_ok();
    let fits = fits && decoder.set_limits(Limits::default()).is_ok();
    !fits || decoder.into_frames().take(2).count() < 2
}

#[cfg(not(feature = "gif"))]
fn is_still(_: &[u8]) -> bool {
    false
}

/// Checks that an image of this size is within [`MAX_MEGAPIXELS`].
pub fn check_size(width: usize, height: usize) -> Result<()> {
    let pixels = (width as u64).saturating_mul(height as u64);
    if pixels > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (side(width), side(height));
        return Err(Error::TooLarge { width, height, limit: MAX_MEGAPIXELS });
    }
    Ok(())
}

/// Checks that a buffer holds an image of this size.
pub fn check_length(width: usize, height: usize, channels: usize, found: usize) -> Result<()> {
    check_size(width, height)?;
    let expected = width * height * channels;
    if expected == 0 || expected != found {
        return Err(Error::BufferLength { width, height, expected, found });
    }
    Ok(())
}
