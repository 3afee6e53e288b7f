//! The stored values of a frame.

use dicom_dictionary_std::tags;
use image::RgbImage;

use super::broken;
use super::dataset::Dataset;
use crate::Result;
use crate::decode::check_size;

/// The stored values of a frame, channel after channel within a pixel, row-major.
pub struct Samples {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    /// The bits that a value may use.
    pub bits: u32,
    pub is_signed: bool,
    pub values: Vec<i64>,
}

impl Samples {
    /// The picture of its size with these bytes, RGB.
    pub fn picture(&self, rgb: Vec<u8>) -> Result<RgbImage> {
        RgbImage::from_raw(self.width as u32, self.height as u32, rgb)
            .ok_or_else(|| broken("is cut off"))
    }
}

/// How a frame is stored.
pub struct Layout {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub bits_allocated: u32,
    pub bits_stored: u32,
    pub high_bit: u32,
    pub is_signed: bool,
    /// Whether each channel is a picture of its own.
    pub is_planar: bool,
    /// Whether two pixels beside each other share their colour.
    pub is_halved: bool,
}

impl Layout {
    /// Reads how frames are stored.
    pub fn of(dataset: &Dataset) -> Result<Self> {
        let number = |tag, name: &str| {
            let missing = || broken(format!("does not state its {name}"));
            dataset.number(tag).ok_or_else(missing)
        };
        let width = number(tags::COLUMNS, "columns")?;
        let height = number(tags::ROWS, "rows")?;
        let channels = dataset.number(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        let bits_allocated = number(tags::BITS_ALLOCATED, "bits")? as u32;
        let bits_stored =
            dataset.number(tags::BITS_STORED).map_or(bits_allocated, |bits| bits as u32);
        let high_bit =
            dataset.number(tags::HIGH_BIT).map_or(bits_stored.saturating_sub(1), |bit| bit as u32);
        check_size(width, height)?;
        if width * height == 0 {
            return Err(broken(format!("has {width}×{height} pixels")));
        }
        if !matches!(channels, 1 | 3) {
            return Err(broken(format!("has {channels} values a pixel; 1 and 3 are read")));
        }
        let fits = matches!(bits_allocated, 8 | 16 | 32)
            && (1..=bits_allocated).contains(&bits_stored)
            && (bits_stored - 1..bits_allocated).contains(&high_bit);
        if bits_allocated == 1 {
            return Err(broken("has one bit a pixel: it is a segmentation and no picture"));
        }
        if !fits {
            return Err(broken(format!(
                "has {bits_stored} of {bits_allocated} bits a value; 8, 16 and 32 are read"
            )));
        }
        // Some programs decompress a picture and leave the word.
        let whole = 3 * width * height * (bits_allocated as usize / 8);
        let frames = dataset.number(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1);
        let holds_all_colours =
            channels != 3 || dataset.pixel_bytes() >= whole.saturating_mul(frames);
        Ok(Self {
            width,
            height,
            channels,
            bits_allocated,
            bits_stored,
            high_bit,
            is_signed: dataset.number(tags::PIXEL_REPRESENTATION) == Some(1),
            is_planar: dataset.number(tags::PLANAR_CONFIGURATION) == Some(1),
            is_halved: dataset.photometric() == "YBR_FULL_422" && !holds_all_colours,
        })
    }

    /// The bytes of a frame that is not compressed.
    pub fn frame_length(&self) -> usize {
        let channels = if self.is_halved && !self.is_planar { 2 } else { self.channels };
        self.width * self.height * channels * self.bits_allocated as usize / 8
    }

    /// The values of a frame from its bytes, which are in little endian.
    pub fn samples(&self, bytes: &[u8]) -> Samples {
        let words = bytes.chunks_exact(self.bits_allocated as usize / 8);
        let words = words
            .map(|word| word.iter().rev().fold(0, |value, byte| value << 8 | i64::from(*byte)));
        let lowest = self.high_bit + 1 - self.bits_stored;
        let stored: Vec<i64> =
            words.map(|word| number(word >> lowest, self.bits_stored, self.is_signed)).collect();
        let pixels = self.width * self.height;
        let values = if self.is_halved && !self.is_planar && stored.len() == 2 * pixels {
            // Y1 Y2 Cb Cr
            let pairs = stored.chunks_exact(4);
            pairs.flat_map(|p| [p[0], p[2], p[3], p[1], p[2], p[3]]).collect()
        } else if self.is_planar && self.channels == 3 {
            (0..pixels)
                .flat_map(|at| [0, 1, 2].map(|channel| stored[channel * pixels + at]))
                .collect()
        } else {
            stored
        };
        Samples {
            width: self.width,
            height: self.height,
            channels: self.channels,
            bits: self.bits_stored,
            is_signed: self.is_signed,
            values,
        }
    }
}

/// The number in the lowest bits of a word.
pub fn number(word: i64, bits: u32, is_signed: bool) -> i64 {
    let unused = i64::BITS - bits;
    let top = word << unused;
    if is_signed { top >> unused } else { (top as u64 >> unused) as i64 }
}
