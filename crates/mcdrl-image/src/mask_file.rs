//! Mask files as they lie there: grey values, palette indices, colours, or an alpha channel.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, Luma, RgbImage, RgbaImage};

use crate::decode::{Decoded, check_size, decode, one_bit};
use crate::depth::visible;
use crate::tiff::{Page, Values};
use crate::{Error, Mask, Result, Turn};

/// A value of a mask file: a grey value or palette index, or a colour. Its text is `3` or `#800000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaskValue {
    /// A grey value or an index into a palette.
    Index(u16),
    /// A colour.
    Color([u8; 3]),
}

/// The content of a mask file, before its values get a meaning.
#[derive(Clone, Debug)]
pub struct MaskFile {
    image: DynamicImage,
    palette: Option<Vec<[u8; 3]>>,
}

impl MaskFile {
    /// Decodes a mask file. The mask of an image with an alpha channel is that channel if the colours are all the same. An
    /// orientation in EXIF is applied.
    ///
    /// # Errors
    /// As [`crate::Image::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if let Some(mask) = Self::from_palette_png(bytes)? {
            return Ok(mask);
        }
        if let Some(mask) = Self::from_whole_numbers(bytes)? {
            return Ok(mask);
        }
        let Decoded { mut image, palette, is_inverted, orientation, .. } = decode(bytes)?;
        image.apply_orientation(orientation);
        if is_inverted {
            image.invert();
        }
        if palette.as_ref().is_some_and(|palette| palette.len() == 2) {
            image = one_bit(image.into_luma8()).into();
        }
        let image = match image {
            DynamicImage::ImageLuma16(image) => image.into(),
            DynamicImage::ImageLuma8(image) => {
                unscaled(image.width(), image.height(), image.as_raw())
            }
            image if image.color().has_alpha() => without_alpha(&image.into_rgba8()),
            image => grey_if_possible(image.into_rgb8()),
        };
        Ok(Self { image, palette })
    }

    /// A TIFF file of floats or large integers that are whole numbers: class indices, which must not be scaled.
    fn from_whole_numbers(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(page) = Page::find(bytes) else { return Ok(None) };
        let Some(values) = Values::read(&page.bytes)? else { return Ok(None) };
        let is_index =
            |value: &f64| value.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(value);
        if page.is_inverted || !values.values.iter().all(is_index) {
            return Ok(None);
        }
        let words = values.values.iter().map(|value| *value as u16).collect();
        let size = (values.width as u32, values.height as u32);
        let image = ImageBuffer::<Luma<u16>, _>::from_raw(size.0, size.1, words);
        Ok(image.map(|image| Self { image: image.into(), palette: None }))
    }

    /// The indices of a PNG file with a palette. Every other decoder gives the colours instead.
    fn from_palette_png(bytes: &[u8]) -> Result<Option<Self>> {
        let broken = |e: png::DecodingError| Error::Decode { reason: e.to_string() };
        if image::guess_format(bytes).ok() != Some(image::ImageFormat::Png) {
            return Ok(None);
        }
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().map_err(broken)?;
        let info = reader.info();
        if info.color_type != png::ColorType::Indexed {
            return Ok(None);
        }
        let (width, height, depth) = (info.width, info.height, info.bit_depth as usize);
        check_size(width as usize, height as usize)?;
        let palette = info.palette.as_deref().unwrap_or_default().chunks_exact(3);
        let palette = palette.map(|color| [color[0], color[1], color[2]]).collect();
        let size = reader.output_buffer_size().unwrap_or_default();
        let mut packed = vec![0; size];
        reader.next_frame(&mut packed).map_err(broken)?;
        let row = size / height.max(1) as usize;
        let index = |x: u32, y: u32| {
            let bit = x as usize * depth;
            let byte = packed[y as usize * row + bit / 8];
            let shift = 8 - depth - bit % 8;
            Luma([u16::from(byte >> shift) & ((1 << depth) - 1)])
        };
        let image = ImageBuffer::from_fn(width, height, index).into();
        Ok(Some(Self { image, palette: Some(palette) }))
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.image.width() as usize
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.image.height() as usize
    }

    /// The colours of the indices, if the file has a palette.
    pub fn palette(&self) -> Option<&[[u8; 3]]> {
        self.palette.as_deref()
    }

    /// The values, row-major, `width · height` of them.
    pub fn values(&self) -> Vec<MaskValue> {
        match &self.image {
            DynamicImage::ImageLuma16(image) => {
                image.pixels().map(|pixel| MaskValue::Index(pixel.0[0])).collect()
            }
            image => image.to_rgb8().pixels().map(|pixel| MaskValue::Color(pixel.0)).collect(),
        }
    }

    /// How many pixels have each value.
    pub fn counts(&self) -> BTreeMap<MaskValue, usize> {
        let mut counts = BTreeMap::new();
        for value in self.values() {
            *counts.entry(value).or_default() += 1;
        }
        counts
    }

    /// Turns the mask as EXIF turns its image. For masks that were drawn on the image as it lies in the file.
    pub fn turned(mut self, turn: Turn) -> Self {
        let orientation = Orientation::from_exif(turn.exif()).unwrap_or(Orientation::NoTransforms);
        self.image.apply_orientation(orientation);
        self
    }

    /// Gives each value its class.
    pub fn classes(&self, class: impl Fn(MaskValue) -> u8) -> Mask {
        let classes = self.values().into_iter().map(class).collect();
        Mask::from_classes(self.width(), self.height(), classes).expect("a class for each pixel")
    }
}

/// Bytes as 16-bit values, which image's own conversion would stretch.
fn unscaled(width: u32, height: u32, bytes: &[u8]) -> DynamicImage {
    let values = bytes.iter().map(|byte| u16::from(*byte)).collect();
    let image = ImageBuffer::<Luma<u16>, _>::from_raw(width, height, values);
    image.expect("a value for each pixel").into()
}

fn grey_if_possible(image: RgbImage) -> DynamicImage {
    let is_grey = image.pixels().all(|pixel| pixel.0 == [pixel.0[0]; 3]);
    if !is_grey {
        return image.into();
    }
    let (width, height) = image.dimensions();
    let bytes: Vec<u8> = image.pixels().map(|pixel| pixel.0[0]).collect();
    unscaled(width, height, &bytes)
}

/// The alpha channel if it alone holds the mask, else the visible colours.
fn without_alpha(image: &RgbaImage) -> DynamicImage {
    let first = image.get_pixel(0, 0).0;
    let colors_vary = image.pixels().any(|pixel| pixel.0[..3] != first[..3]);
    let alpha_varies = image.pixels().any(|pixel| pixel.0[3] != first[3]);
    let (width, height) = image.dimensions();
    if alpha_varies && !colors_vary {
        let alpha: Vec<u8> = image.pixels().map(|pixel| pixel.0[3]).collect();
        return unscaled(width, height, &alpha);
    }
    grey_if_possible(RgbImage::from_fn(width, height, |x, y| {
        let [r, g, b, alpha] = image.get_pixel(x, y).0;
        visible([r, g, b], alpha).into()
    }))
}

impl fmt::Display for MaskValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Color([r, g, b]) => write!(f, "#{r:02x}{g:02x}{b:02x}"),
        }
    }
}

impl FromStr for MaskValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let color = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let value = match color {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(|color| {
                let [_, r, g, b] = color.to_be_bytes();
                Self::Color([r, g, b])
            }),
            None => text.parse().ok().map(Self::Index),
        };
        value.ok_or_else(|| {
            format!("`{text}` is no mask value: write a number or a colour such as \"#800000\"")
        })
    }
}
