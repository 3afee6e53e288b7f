//! Maps of values between 0 and 1 as files.

use image::ExtendedColorType;

use crate::Result;
use crate::decode::check_length;
use crate::encode::encode_png;

/// A value between 0 and 1 for each pixel, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatMap {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl FloatMap {
    /// Wraps `width · height` values. They are cut to 0..1.
    ///
    /// # Errors
    /// [`Error::BufferLength`](crate::Error::BufferLength) if there are more or fewer values.
    pub fn new(width: usize, height: usize, mut values: Vec<f32>) -> Result<Self> {
        check_length(width, height, 1, values.len())?;
        values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
        Ok(Self { width, height, values })
    }

    /// The map as a grey PNG file of 8 bits: 0 is black, 1 is white.
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) if the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        let bytes: Vec<u8> =
            self.values.iter().map(|value| (value * 255.0).round() as u8).collect();
        encode_png(&bytes, self.width, self.height, ExtendedColorType::L8)
    }

    /// The map as a grey PNG file of 16 bits.
    ///
    /// # Errors
    /// As [`FloatMap::encode_png`].
    pub fn encode_png16(&self) -> Result<Vec<u8>> {
        let words = self.values.iter().map(|value| (value * 65_535.0).round() as u16);
        let bytes: Vec<u8> = words.flat_map(u16::to_ne_bytes).collect();
        encode_png(&bytes, self.width, self.height, ExtendedColorType::L16)
    }

    /// The map as a NumPy file (format 1.0): float32, height × width.
    pub fn encode_npy(&self) -> Vec<u8> {
        let shape = format!("({}, {})", self.height, self.width);
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        // The values begin at a multiple of 64 bytes, behind ten bytes of preamble and a line break.
        let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((length as u16).to_le_bytes());
        file.extend(header.bytes());
        file.resize(10 + length - 1, b' ');
        file.push(b'\n');
        file.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        file
    }
}
