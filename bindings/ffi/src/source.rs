//! What can be segmented: image files, and frames as cameras give them.

use mcdrl_model::{Image, YuvColors};

use crate::bytes::Bytes;
use crate::error::Result;

/// An image.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum ImageSource {
    /// A JPEG, PNG, TIFF, BMP or WebP file; its EXIF orientation is applied.
    Encoded {
        /// The whole file.
        bytes: Bytes,
    },
    /// Pixels.
    Pixels {
        /// The frame.
        frame: Frame,
    },
}

/// How the pixels of a frame lie in memory, 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum PixelFormat {
    /// Red, green, blue; one plane.
    Rgb,
    /// Red, green, blue, alpha, which is dropped; one plane.
    Rgba,
    /// Blue, green, red, alpha, which is dropped; one plane.
    Bgra,
    /// YUV 4:2:0, ITU-R BT.601, 0..255, as Android's cameras give it; planes Y, Cb, Cr.
    Yuv420Bt601Full,
    /// YUV 4:2:0, ITU-R BT.601, brightness 16..235; planes Y, Cb, Cr.
    Yuv420Bt601Video,
    /// YUV 4:2:0, ITU-R BT.709, 0..255, as iOS's `420f` video; planes Y, Cb, Cr.
    Yuv420Bt709Full,
    /// YUV 4:2:0, ITU-R BT.709, brightness 16..235, as iOS's `420v` video; planes Y, Cb, Cr.
    Yuv420Bt709Video,
}

/// One plane of a frame.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Plane {
    /// The plane's bytes. The last row may end with its last pixel instead of its stride.
    pub bytes: Bytes,
    /// Bytes from one row to the next.
    pub row_stride: u32,
    /// Bytes from one pixel to the next: 2 for the interleaved colours of NV12 and NV21.
    pub pixel_stride: u32,
}

/// A frame of a camera or of any program's own memory.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Frame {
    /// Width in pixels, as it lies in memory.
    pub width: u32,
    /// Height in pixels, as it lies in memory.
    pub height: u32,
    /// How the pixels lie.
    pub format: PixelFormat,
    /// As many planes as the format has.
    pub planes: Vec<Plane>,
    /// By how many degrees it must be turned clockwise to be upright: 0, 90, 180 or 270.
    #[uniffi(default = 0)]
    pub rotation: u32,
    /// Whether it must be mirrored left to right once upright (front cameras).
    #[uniffi(default = false)]
    pub mirrored: bool,
}

impl ImageSource {
    pub(crate) fn read(&self) -> Result<Image> {
        match self {
            Self::Encoded { bytes } => Ok(Image::decode(bytes)?),
            Self::Pixels { frame } => frame.read(),
        }
    }
}

impl Frame {
    pub(crate) fn read(&self) -> Result<Image> {
        let planes = self.planes.iter().map(|plane| mcdrl_model::Plane {
            bytes: &plane.bytes,
            row_stride: plane.row_stride as usize,
            pixel_stride: plane.pixel_stride as usize,
        });
        let frame = mcdrl_model::Frame {
            width: self.width as usize,
            height: self.height as usize,
            format: self.format.into(),
            planes: planes.collect(),
            rotation: self.rotation,
            mirrored: self.mirrored,
        };
        Ok(Image::from_frame(&frame)?)
    }
}

impl From<PixelFormat> for mcdrl_model::PixelFormat {
    fn from(format: PixelFormat) -> Self {
        match format {
            PixelFormat::Rgb => Self::Rgb,
            PixelFormat::Rgba => Self::Rgba,
            PixelFormat::Bgra => Self::Bgra,
            PixelFormat::Yuv420Bt601Full => Self::Yuv420(YuvColors::Bt601Full),
            PixelFormat::Yuv420Bt601Video => Self::Yuv420(YuvColors::Bt601Video),
            PixelFormat::Yuv420Bt709Full => Self::Yuv420(YuvColors::Bt709Full),
            PixelFormat::Yuv420Bt709Video => Self::Yuv420(YuvColors::Bt709Video),
        }
    }
}
