//! DICOM files: their frames, and DICOM Segmentation.

use std::sync::Arc;

use mcdrl_image::Mask;

use crate::bytes::Bytes;
use crate::error::Result;
use crate::image::Image;
use crate::panics::guarded;

/// A DICOM file with pixel data.
#[derive(uniffi::Object)]
pub struct DicomFile {
    file: mcdrl_image::DicomFile,
}

#[uniffi::export]
impl DicomFile {
    /// Reads a file. The frames are decoded later.
    ///
    /// # Errors
    /// `Image`
    #[uniffi::constructor]
    pub fn read(file: &[u8]) -> Result<Arc<Self>> {
        guarded(|| Ok(Arc::new(Self { file: mcdrl_image::DicomFile::read(file)? })))
    }

    /// The number of frames.
    pub fn frames(&self) -> u32 {
        u32::try_from(self.file.frames()).unwrap_or(u32::MAX)
    }

    /// Decodes a frame, counted from 0.
    ///
    /// # Errors
    /// `Image`, `ImageTooLarge`
    pub fn frame(&self, index: u32) -> Result<Arc<Image>> {
        guarded(|| Ok(Arc::new(Image { pixels: self.file.frame(index as usize)? })))
    }

    /// A DICOM Segmentation of a frame, as a file.
    ///
    /// - `mask`: a class a pixel, row by row
    /// - `classes`: their names, without the background
    ///
    /// # Errors
    /// `Input` for a mask of another size, `Image` if the file does not say which picture it is
    pub fn segmentation(
        &self,
        frame: u32,
        mask: Bytes,
        width: u32,
        height: u32,
        classes: Vec<String>,
    ) -> Result<Bytes> {
        guarded(|| {
            let mask = Mask::from_classes(width as usize, height as usize, mask.0)?;
            Ok(Bytes(self.file.segmentation(frame as usize, &mask, &classes)?))
        })
    }
}
