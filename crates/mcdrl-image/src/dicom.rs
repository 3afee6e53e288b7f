//! DICOM files: endoscopic pictures, ultrasound, photographs and screen captures, with one or several frames.
//!
//! Read are frames that are uncompressed (either byte order, deflated), run-length encoded, or compressed with JPEG (8 and 12
//! bits, lossless up to 16 bits) or JPEG 2000, in grey, in colours or with a palette. JPEG-LS and videos are refused by name.

mod codec;
mod color;
mod dataset;
mod elements;
mod frames;
mod grey;
mod lookup_table;
mod samples;
mod segmentation;

use dicom_dictionary_std::tags;

use self::dataset::Dataset;
use crate::kind::FileKind;
use crate::{Error, Image, Note, Result};

/// A DICOM file with pixel data.
pub struct DicomFile {
    dataset: Dataset,
    frames: usize,
    /// The series of its segmentations.
    series: String,
}

impl DicomFile {
    /// Whether bytes are a DICOM file, with or without its preamble.
    pub fn is_dicom(bytes: &[u8]) -> bool {
        FileKind::is_dicom(bytes)
    }

    /// Reads a file. The frames are decoded later.
    ///
    /// # Errors
    /// [`Error::Kind`] for a file without pixel data and for a video, [`Error::Decode`] for a broken file and for what is no
    /// picture.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let dataset = Dataset::read(bytes)?;
        if dataset.element(tags::PIXEL_DATA).is_none() {
            return Err(Error::Kind(FileKind::DICOM_WITHOUT_PIXELS));
        }
        if dataset.is_video() {
            return Err(Error::Kind(FileKind::DICOM_VIDEO));
        }
        let frames = frames::count(&dataset)?;
        Ok(Self { dataset, frames, series: segmentation::new_uid() })
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Decodes a frame to 8-bit RGB. Grey values are shown through the window of the file, or else scaled by the bits that are
    /// used.
    ///
    /// # Errors
    /// [`Error::Decode`] for a frame that is missing or cut off, and for an unknown compression, [`Error::TooLarge`].
    pub fn frame(&self, index: usize) -> Result<Image> {
        if index >= self.frames {
            return Err(broken(format!("has {} frames and no frame {}", self.frames, index + 1)));
        }
        let mut notes = Vec::new();
        let bytes = frames::bytes(&self.dataset, index, self.frames)?;
        let image = match codec::decode(&self.dataset, &bytes)? {
            codec::Decoded::Rgb(rgb) => rgb,
            codec::Decoded::Samples(samples) if samples.channels == 1 => {
                grey::to_rgb(&self.dataset, index, &samples, &mut notes)?
            }
            codec::Decoded::Samples(samples) => color::to_rgb(&self.dataset, &samples)?,
        };
        let (width, height) = image.dimensions();
        let image = Image::from_rgb(width as usize, height as usize, image.into_raw())?;
        Ok(image.with_notes(notes).with_pixel_size(self.pixel_size(index)))
    }

    /// Decodes the first frame. A note says that there are others.
    ///
    /// # Errors
    /// As [`Self::frame`].
    pub fn first(&self) -> Result<Image> {
        let image = self.frame(0)?;
        let others = (self.frames > 1).then_some(Note::Frames { frames: self.frames });
        let notes = image.notes().iter().cloned().chain(others).collect();
        Ok(image.with_notes(notes))
    }

    /// Millimetres from one row to the next, and from one column to the next, where the file states them.
    fn pixel_size(&self, frame: usize) -> Option<[f32; 2]> {
        let spacing = |object: &_| dataset::numbers(object, tags::PIXEL_SPACING);
        let stated = self
            .dataset
            .of_frame(frame, tags::PIXEL_MEASURES_SEQUENCE, spacing)
            .or_else(|| self.dataset.numbers(tags::NOMINAL_SCANNED_PIXEL_SPACING))
            .or_else(|| self.dataset.ultrasound_spacing());
        match stated?.as_slice() {
            [row, column, ..] if *row > 0.0 && *column > 0.0 => Some([*row as f32, *column as f32]),
            _ => None,
        }
    }
}

fn broken(reason: impl Into<String>) -> Error {
    Error::Decode { reason: format!("the DICOM file {}", reason.into()) }
}
