//! RGB images and class masks: what goes into the model and what comes out.

use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::{Error, Result};

/// The largest image that is decoded, in 10⁶ pixels.
pub const MAX_MEGAPIXELS: u32 = 100;

/// An RGB image, 8 bits a channel, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// Wraps `width · height · 3` bytes of RGB.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if the buffer has another length or the image is empty,
    /// [`Error::ImageTooLarge`] past [`MAX_MEGAPIXELS`].
    pub fn from_rgb(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self> {
        check_length(width, height, 3, pixels.len())?;
        Ok(Self { width, height, pixels })
    }

    /// Wraps `width · height · 4` bytes of RGBA, as browsers give them; alpha is dropped.
    ///
    /// # Errors
    /// As [`Image::from_rgb`].
    pub fn from_rgba(width: usize, height: usize, pixels: &[u8]) -> Result<Self> {
        check_length(width, height, 4, pixels.len())?;
        let mut rgb = vec![0; width * height * 3];
        for (out, pixel) in rgb.chunks_exact_mut(3).zip(pixels.chunks_exact(4)) {
            out.copy_from_slice(&pixel[..3]);
        }
        Ok(Self { width, height, pixels: rgb })
    }

    /// Decodes JPEG, PNG, TIFF, BMP or WebP; grey, RGBA and 16-bit images become 8-bit RGB, and an EXIF
    /// orientation is applied.
    ///
    /// # Errors
    /// [`Error::Image`] for bytes that are no such image, [`Error::ImageTooLarge`] past
    /// [`MAX_MEGAPIXELS`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let rgb = decode_oriented(bytes)?.into_rgb8();
        let (width, height) = rgb.dimensions();
        Self::from_rgb(width as usize, height as usize, rgb.into_raw())
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels: RGB, row-major, `width · height · 3` bytes.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The image scaled to `width × height` with a triangle filter that widens when scaling down
    /// (anti-aliased bilinear, as Pillow's and torchvision's).
    pub fn resize(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let source = image::ImageBuffer::<image::Rgb<u8>, &[u8]>::from_raw(
            self.width as u32,
            self.height as u32,
            &self.pixels,
        )
        .expect("an Image holds as many bytes as its size needs");
        let filter = image::imageops::FilterType::Triangle;
        let scaled = image::imageops::resize(&source, width as u32, height as u32, filter);
        Self { width, height, pixels: scaled.into_raw() }
    }

    /// The pixels as canvases have them: RGBA, row-major, opaque.
    pub fn to_rgba(&self) -> Vec<u8> {
        self.pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect()
    }

    /// The image as a PNG file.
    ///
    /// # Errors
    /// [`Error::Image`] if the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        encode_png(&self.pixels, self.width, self.height, image::ExtendedColorType::Rgb8)
    }
}

/// A class for every pixel, row-major: 0 is background, k the k-th class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    classes: Vec<u8>,
}

impl Mask {
    /// Wraps `width · height` class indices.
    ///
    /// # Errors
    /// [`Error::BufferLength`] if the buffer has another length or the mask is empty.
    pub fn from_classes(width: usize, height: usize, classes: Vec<u8>) -> Result<Self> {
        check_length(width, height, 1, classes.len())?;
        Ok(Self { width, height, classes })
    }

    /// Decodes a mask file: the values of its first channel, unscaled (a 1-bit file has 0 and 255).
    ///
    /// # Errors
    /// As [`Image::decode`], and [`Error::Image`] for colour masks, whose classes would be a guess.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let image = decode_oriented(bytes)?;
        let (width, height) = (image.width() as usize, image.height() as usize);
        let classes = match image.color() {
            ColorType::L8 | ColorType::La8 => image.into_luma8().into_raw(),
            ColorType::L16 | ColorType::La16 => {
                let saturate = |value: u16| value.min(255) as u8;
                image.into_luma16().into_raw().into_iter().map(saturate).collect()
            }
            _ => {
                let rgb = image.into_rgb8().into_raw();
                if rgb.chunks_exact(3).any(|p| p[0] != p[1] || p[0] != p[2]) {
                    let reason = "a mask must be grey, one class index a pixel, and this one has \
                                  colours";
                    return Err(Error::Image { reason: reason.into() });
                }
                rgb.chunks_exact(3).map(|p| p[0]).collect()
            }
        };
        Self::from_classes(width, height, classes)
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The class indices, row-major, `width · height` bytes.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// The mask with every value passed through `class`.
    pub fn map(mut self, class: impl Fn(u8) -> u8) -> Self {
        self.classes.iter_mut().for_each(|value| *value = class(*value));
        self
    }

    /// The mask scaled to `width × height`, nearest neighbour.
    pub fn resize(&self, width: usize, height: usize) -> Self {
        let pick = |out: usize, from: usize, to: usize| ((2 * out + 1) * from) / (2 * to);
        let mut classes = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = pick(y, self.height, height) * self.width;
            classes.extend((0..width).map(|x| self.classes[row + pick(x, self.width, width)]));
        }
        Self { width, height, classes }
    }

    /// The mask as an 8-bit grey PNG file of class indices.
    ///
    /// # Errors
    /// [`Error::Image`] if the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        encode_png(&self.classes, self.width, self.height, image::ExtendedColorType::L8)
    }
}

/// Whether an image of this size is within [`MAX_MEGAPIXELS`].
pub(crate) fn check_size(width: usize, height: usize) -> Result<()> {
    let pixels = (width as u64).saturating_mul(height as u64);
    if pixels > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        let (width, height) = (side(width), side(height));
        return Err(Error::ImageTooLarge { width, height, limit: MAX_MEGAPIXELS });
    }
    Ok(())
}

fn check_length(width: usize, height: usize, channels: usize, found: usize) -> Result<()> {
    check_size(width, height)?;
    let expected = width * height * channels;
    if expected == 0 || expected != found {
        return Err(Error::BufferLength { width, height, expected, found });
    }
    Ok(())
}

fn decode_oriented(bytes: &[u8]) -> Result<DynamicImage> {
    let unreadable = |reason: &dyn std::fmt::Display| Error::Image { reason: reason.to_string() };
    let reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| unreadable(&e))?;
    if reader.format() == Some(ImageFormat::Jpeg) && !is_whole_jpeg(bytes) {
        return Err(unreadable(&"the JPEG file is cut off"));
    }
    let mut decoder = reader.into_decoder().map_err(|e| unreadable(&e))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > u64::from(MAX_MEGAPIXELS) * 1_000_000 {
        return Err(Error::ImageTooLarge { width, height, limit: MAX_MEGAPIXELS });
    }
    decoder.set_limits(Limits::default()).map_err(|e| unreadable(&e))?;
    let orientation = decoder.orientation().map_err(|e| unreadable(&e))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| unreadable(&e))?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether a JPEG reaches its end marker. The decoder fills what is missing of a cut file with grey, which must not
/// pass for a picture of a patient.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(offset) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == 0xff)) {
        at += offset;
        match bytes.get(at + 1) {
            // The end of the image.
            Some(0xd9) => return true,
            // A fill byte.
            Some(0xff) => at += 1,
            // A stuffed byte or a restart among the picture's data, markers without a segment.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 2,
            // A segment with its length.
            Some(_) => match bytes.get(at + 2..at + 4) {
                Some(length) => at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
            None => return false,
        }
    }
    false
}

fn encode_png(
    bytes: &[u8],
    width: usize,
    height: usize,
    color: image::ExtendedColorType,
) -> Result<Vec<u8>> {
    use image::ImageEncoder;
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(bytes, width as u32, height as u32, color)
        .map_err(|e| Error::Image { reason: e.to_string() })?;
    Ok(png)
}
