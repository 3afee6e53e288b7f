//! RGB images.

use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageBuffer, Rgb};

use crate::decode::{check_length, decode_rgb};
use crate::depth::visible;
use crate::encode::encode_png;
use crate::{Bounds, Note, Result, Turn};

/// An RGB image, 8 bits per channel, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    notes: Vec<Note>,
    turn: Option<Turn>,
    pixel_size: Option<[f32; 2]>,
}

impl Image {
    /// Wraps `width · height · 3` bytes of RGB.
    ///
    /// # Errors
    /// [`Error::BufferLength`](crate::Error::BufferLength) if the buffer has another length or the image is empty,
    /// [`Error::TooLarge`](crate::Error::TooLarge) above [`crate::MAX_MEGAPIXELS`].
    pub fn from_rgb(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self> {
        check_length(width, height, 3, pixels.len())?;
        Ok(Self { width, height, pixels, notes: Vec::new(), turn: None, pixel_size: None })
    }

    /// Wraps `width · height · 4` bytes of RGBA. Pixels of opacity 0 become black; any other opacity is dropped.
    ///
    /// # Errors
    /// As [`Image::from_rgb`].
    pub fn from_rgba(width: usize, height: usize, pixels: &[u8]) -> Result<Self> {
        check_length(width, height, 4, pixels.len())?;
        let mut rgb = vec![0; width * height * 3];
        for (out, pixel) in rgb.chunks_exact_mut(3).zip(pixels.chunks_exact(4)) {
            out.copy_from_slice(&visible([pixel[0], pixel[1], pixel[2]], pixel[3]));
        }
        Self::from_rgb(width, height, rgb)
    }

    /// Decodes JPEG, PNG, TIFF, BMP or WebP to 8-bit sRGB, and with the feature `dicom` the first frame of a DICOM file.
    ///
    /// Values of more than 8 bits are scaled by the bits that are used. Pixels of opacity 0 become black. The ICC profile
    /// and the EXIF orientation are applied. Of a file with several pages, the first is read that is not a thumbnail.
    /// [`Image::notes`] says what should be known about it.
    ///
    /// # Errors
    /// [`Error::Kind`](crate::Error::Kind) for a file of another kind, [`Error::Decode`](crate::Error::Decode) for a broken one,
    /// [`Error::TooLarge`](crate::Error::TooLarge) above [`crate::MAX_MEGAPIXELS`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        #[cfg(feature = "dicom")]
        if crate::DicomFile::is_dicom(bytes) {
            return crate::DicomFile::read(bytes)?.first();
        }
        let (rgb, orientation, notes) = decode_rgb(bytes)?;
        let (width, height) = rgb.dimensions();
        let image = Self::from_rgb(width as usize, height as usize, rgb.into_raw())?;
        Ok(Self { notes, turn: Turn::of(orientation), ..image })
    }

    #[cfg(feature = "dicom")]
    pub(crate) fn with_notes(self, notes: Vec<Note>) -> Self {
        Self { notes, ..self }
    }

    /// The image with the millimetres from one row to the next, and from one column to the next.
    pub fn with_pixel_size(self, pixel_size: Option<[f32; 2]>) -> Self {
        Self { pixel_size, ..self }
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

    pub(crate) fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }

    /// A part of the image. The part must lie within the image.
    pub fn crop(&self, part: Bounds) -> Self {
        let Bounds { left, top, width, height } = part;
        let [left, top, width, height] = [left, top, width, height].map(|side| side as usize);
        let rows = &self.pixels[3 * self.width * top..][..3 * self.width * height];
        let rows = rows.chunks_exact(3 * self.width);
        let pixels = rows.flat_map(|row| &row[3 * left..3 * (left + width)]).copied().collect();
        Self { width, height, pixels, notes: self.notes.clone(), ..*self }
    }

    /// Remarks about the file that the image came from.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How EXIF turned the image of the file; `None` if it lay upright.
    pub fn turn(&self) -> Option<Turn> {
        self.turn
    }

    /// Millimetres from one row to the next, and from one column to the next, where the file states them.
    pub fn pixel_size(&self) -> Option<[f32; 2]> {
        self.pixel_size
    }

    /// Scales the image to `width × height` with an anti-aliased bilinear filter, as Pillow and torchvision do.
    pub fn resize(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let source = ImageBuffer::<Rgb<u8>, &[u8]>::from_raw(
            self.width as u32,
            self.height as u32,
            &self.pixels,
        )
        .expect("an Image holds as many bytes as its size needs");
        let scaled = resize(&source, width as u32, height as u32, FilterType::Triangle);
        let scaled_side = |[row, column]: [f32; 2]| {
            [row * self.height as f32 / height as f32, column * self.width as f32 / width as f32]
        };
        Self {
            width,
            height,
            pixels: scaled.into_raw(),
            notes: self.notes.clone(),
            turn: self.turn,
            pixel_size: self.pixel_size.map(scaled_side),
        }
    }

    /// The pixels as RGBA, row-major, opaque.
    pub fn to_rgba(&self) -> Vec<u8> {
        self.pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect()
    }

    /// Encodes the image as a PNG file.
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) if the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>> {
        encode_png(&self.pixels, self.width, self.height, ExtendedColorType::Rgb8)
    }
}
