//! Class masks.

use image::ExtendedColorType;

use crate::decode::check_length;
use crate::encode::encode_png;
use crate::{Error, MaskFile, MaskValue, Result};

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

    /// Decodes a mask file whose values are class indices: grey values or palette indices, unscaled (a 1-bit file has 0 and 255).
    /// [`MaskFile`] reads masks with other values.
    ///
    /// # Errors
    /// As [`crate::Image::decode`], and [`Error::Decode`] for colour masks, because their classes are ambiguous.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let file = MaskFile::decode(bytes)?;
        if file.counts().keys().any(|value| matches!(value, MaskValue::Color(_))) {
            let reason =
                "a mask must be grey with one class index per pixel, but this mask has colours";
            return Err(Error::Decode { reason: reason.into() });
        }
        Ok(file.classes(|value| match value {
            MaskValue::Index(index) => index.min(255) as u8,
            MaskValue::Color(_) => 0,
        }))
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

    /// Applies `class` to every value.
    pub fn map(mut self, class: impl Fn(u8) -> u8) -> Self {
        self.classes.iter_mut().for_each(|value| *value = class(*value));
        self
    }

    /// Scales the mask to `width × height` by nearest neighbour.
    pub fn resize(&self, width: usize, height: usize) -> Self {
        let pick = |out: usize, from: usize, to: usize| ((2 * out + 1) * from) / (2 * to);
        let mut classes = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = pick(y, self.height, height) * self.width;
            classes.extend((0..width).map(|x| self.classes[row + pick(x, self.width, width)]));
        }
        Self { width, height, classes }
    }

    /// Encodes the mask as an 8-bit grey PNG file of class indices.
    ///
    /// # Errors
    /// [`Error::Encode`] if the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        encode_png(&self.classes, self.width, self.height, ExtendedColorType::L8)
    }
}
