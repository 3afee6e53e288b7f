//! Images: decoded files, and pixels in a camera's or a program's memory. The bytes are read in place and copied once.

use std::sync::Arc;

use mcdrl_image::{Frame, PixelFormat, Plane};

use crate::bytes::Bytes;
use crate::error::Result;
use crate::panics::guarded;

/// An upright RGB image.
#[derive(uniffi::Object)]
pub struct Image {
    pub(crate) pixels: mcdrl_image::Image,
}

/// The colour standard of a YUV frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum YuvColors {
    /// ITU-R BT.601, 0..255, as Android's cameras.
    Bt601Full,
    /// ITU-R BT.601, brightness 16..235.
    Bt601Video,
    /// ITU-R BT.709, 0..255, as iOS's `420f` video.
    Bt709Full,
    /// ITU-R BT.709, brightness 16..235, as iOS's `420v` video.
    Bt709Video,
}

/// The memory layout of a YUV 4:2:0 frame.
#[derive(Clone, Copy, Debug, uniffi::Record)]
pub struct YuvLayout {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes from one row of the Y plane to the next.
    pub y_row_stride: u32,
    /// Bytes from one row of the Cb and Cr planes to the next.
    pub color_row_stride: u32,
    /// Bytes from one pixel of the Cb and Cr planes to the next: 2 for the interleaved colours of NV12 and NV21.
    pub color_pixel_stride: u32,
    /// The colour standard.
    pub colors: YuvColors,
    /// As for [`Image::rgb`].
    pub rotation: u32,
    /// As for [`Image::rgb`].
    pub mirrored: bool,
}

#[uniffi::export]
impl Image {
    /// Decodes a JPEG, PNG, TIFF, BMP, WebP or DICOM file. The EXIF orientation is applied.
    ///
    /// # Errors
    /// `Image`, `ImageTooLarge`
    #[uniffi::constructor]
    pub fn decode(file: &[u8]) -> Result<Arc<Self>> {
        guarded(|| Ok(Arc::new(Self { pixels: mcdrl_image::Image::decode(file)? })))
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.pixels.width() as u32
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.pixels.height() as u32
    }

    /// The pixels: red, green, blue, row by row.
    pub fn pixels(&self) -> Bytes {
        Bytes(self.pixels.pixels().to_vec())
    }

    /// Reads pixels: red, green, blue.
    ///
    /// - `pixels`: `row_stride` bytes a row and `pixel_stride` bytes a pixel; the last row may end with its last pixel
    /// - `rotation`: the clockwise rotation in degrees that makes the image upright: 0, 90, 180 or 270
    /// - `mirrored`: whether the upright image must be mirrored left to right (front cameras)
    ///
    /// # Errors
    /// `Input` for planes that are too short, `ImageTooLarge`
    #[uniffi::constructor]
    pub fn rgb(
        pixels: &[u8],
        width: u32,
        height: u32,
        row_stride: u32,
        pixel_stride: u32,
        rotation: u32,
        mirrored: bool,
    ) -> Result<Arc<Self>> {
        let planes = vec![plane(pixels, row_stride, pixel_stride)];
        Self::read((width, height), PixelFormat::Rgb, planes, (rotation, mirrored))
    }

    /// As [`Self::rgb`], for red, green, blue, alpha. Alpha is dropped.
    ///
    /// # Errors
    /// As [`Self::rgb`].
    #[uniffi::constructor]
    pub fn rgba(
        pixels: &[u8],
        width: u32,
        height: u32,
        row_stride: u32,
        pixel_stride: u32,
        rotation: u32,
        mirrored: bool,
    ) -> Result<Arc<Self>> {
        let planes = vec![plane(pixels, row_stride, pixel_stride)];
        Self::read((width, height), PixelFormat::Rgba, planes, (rotation, mirrored))
    }

    /// As [`Self::rgb`], for blue, green, red, alpha. Alpha is dropped.
    ///
    /// # Errors
    /// As [`Self::rgb`].
    #[uniffi::constructor]
    pub fn bgra(
        pixels: &[u8],
        width: u32,
        height: u32,
        row_stride: u32,
        pixel_stride: u32,
        rotation: u32,
        mirrored: bool,
    ) -> Result<Arc<Self>> {
        let planes = vec![plane(pixels, row_stride, pixel_stride)];
        Self::read((width, height), PixelFormat::Bgra, planes, (rotation, mirrored))
    }

    /// Reads a YUV 4:2:0 frame.
    ///
    /// # Errors
    /// As [`Self::rgb`].
    #[uniffi::constructor]
    pub fn yuv420(y: &[u8], cb: &[u8], cr: &[u8], layout: YuvLayout) -> Result<Arc<Self>> {
        let color = |bytes| plane(bytes, layout.color_row_stride, layout.color_pixel_stride);
        let planes = vec![plane(y, layout.y_row_stride, 1), color(cb), color(cr)];
        let format = PixelFormat::Yuv420(layout.colors.into());
        let size = (layout.width, layout.height);
        Self::read(size, format, planes, (layout.rotation, layout.mirrored))
    }
}

impl Image {
    fn read(
        (width, height): (u32, u32),
        format: PixelFormat,
        planes: Vec<Plane>,
        (rotation, mirrored): (u32, bool),
    ) -> Result<Arc<Self>> {
        let (width, height) = (width as usize, height as usize);
        let frame = Frame { width, height, format, planes, rotation, mirrored };
        guarded(|| Ok(Arc::new(Self { pixels: mcdrl_image::Image::from_frame(&frame)? })))
    }
}

fn plane(bytes: &[u8], row_stride: u32, pixel_stride: u32) -> Plane<'_> {
    Plane { bytes, row_stride: row_stride as usize, pixel_stride: pixel_stride as usize }
}

impl From<YuvColors> for mcdrl_image::YuvColors {
    fn from(colors: YuvColors) -> Self {
        match colors {
            YuvColors::Bt601Full => Self::Bt601Full,
            YuvColors::Bt601Video => Self::Bt601Video,
            YuvColors::Bt709Full => Self::Bt709Full,
            YuvColors::Bt709Video => Self::Bt709Video,
        }
    }
}
