//! Camera frames: interleaved pixels or YUV planes with strides, in any of four rotations.

use image::imageops::{flip_horizontal, rotate90, rotate180, rotate270};
use image::{ImageBuffer, Rgb};

use crate::decode::check_size;
use crate::{Error, Image, Result};

/// The memory layout of a frame's pixels, 8 bits per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Red, green, blue; one plane.
    Rgb,
    /// Red, green, blue, alpha; one plane. Alpha is dropped.
    Rgba,
    /// Blue, green, red, alpha; one plane. Alpha is dropped.
    Bgra,
    /// Y at full resolution, Cb and Cr at half the resolution in both directions; three planes. This covers I420, NV12, NV21
    /// and Android's `YUV_420_888`: interleaved Cb and Cr are two planes with a pixel stride of 2.
    Yuv420(YuvColors),
}

/// The colour standard of a YUV frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum YuvColors {
    /// ITU-R BT.601, 0..255 (JPEG, Android's cameras).
    #[default]
    Bt601Full,
    /// ITU-R BT.601, luma 16..235 (standard-definition video).
    Bt601Video,
    /// ITU-R BT.709, 0..255 (iOS's `420f` video).
    Bt709Full,
    /// ITU-R BT.709, luma 16..235 (high-definition video, iOS's `420v`).
    Bt709Video,
}

/// One plane of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// The plane's bytes. The last row may end with its last pixel instead of its stride.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub row_stride: usize,
    /// Bytes from one pixel to the next.
    pub pixel_stride: usize,
}

/// A camera frame in memory.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// Width in pixels, before the rotation.
    pub width: usize,
    /// Height in pixels, before the rotation.
    pub height: usize,
    /// The memory layout of the pixels.
    pub format: PixelFormat,
    /// The planes of the format.
    pub planes: Vec<Plane<'a>>,
    /// The clockwise rotation that makes the frame upright, degrees: 0, 90, 180 or 270.
    pub rotation: u32,
    /// Whether the upright frame must be mirrored left to right (front cameras).
    pub mirrored: bool,
}

impl Image {
    /// Converts a frame to an upright RGB image. Its mask has the size and orientation of this image.
    ///
    /// # Errors
    /// [`Error::Frame`] for planes that do not match the size and format, or for another rotation. [`Error::TooLarge`] above
    /// [`crate::MAX_MEGAPIXELS`].
    pub fn from_frame(frame: &Frame) -> Result<Self> {
        check_size(frame.width, frame.height)?;
        if frame.width == 0 || frame.height == 0 {
            let text = format!("it has {}×{} pixels", frame.width, frame.height);
            return Err(Error::Frame(text));
        }
        let pixels = match frame.format {
            PixelFormat::Rgb => interleaved(frame, 3, [0, 1, 2])?,
            PixelFormat::Rgba => interleaved(frame, 4, [0, 1, 2])?,
            PixelFormat::Bgra => interleaved(frame, 4, [2, 1, 0])?,
            PixelFormat::Yuv420(colors) => yuv420(frame, colors)?,
        };
        upright(frame, pixels)
    }
}

fn interleaved(frame: &Frame, bytes_per_pixel: usize, [r, g, b]: [usize; 3]) -> Result<Vec<u8>> {
    let [plane] = planes(frame)?;
    check_plane(plane, "its plane", frame.width, frame.height, bytes_per_pixel)?;
    let rows = rows(plane, frame.width, frame.height, bytes_per_pixel);
    if (r, plane.pixel_stride) == (0, 3) {
        return Ok(rows.collect::<Vec<_>>().concat());
    }
    let mut rgb = vec![0; frame.width * frame.height * 3];
    for (out, row) in rgb.chunks_exact_mut(frame.width * 3).zip(rows) {
        match plane.pixel_stride {
            4 if bytes_per_pixel == 4 => pick(out, row.chunks_exact(4), [r, g, b]),
            stride => pick(out, row.chunks(stride), [r, g, b]),
        }
    }
    Ok(rgb)
}

/// Inlined for each pixel format, so that the compiler knows the size of a pixel.
#[inline(always)]
fn pick<'a>(out: &mut [u8], pixels: impl Iterator<Item = &'a [u8]>, [r, g, b]: [usize; 3]) {
    for (out, pixel) in out.chunks_exact_mut(3).zip(pixels) {
        (out[0], out[1], out[2]) = (pixel[r], pixel[g], pixel[b]);
    }
}

fn yuv420(frame: &Frame, colors: YuvColors) -> Result<Vec<u8>> {
    let [y, cb, cr] = planes(frame)?;
    let (width, height) = (frame.width, frame.height);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    check_plane(y, "its Y plane", width, height, 1)?;
    check_plane(cb, "its Cb plane", half_width, half_height, 1)?;
    check_plane(cr, "its Cr plane", half_width, half_height, 1)?;
    let convert = Conversion::of(colors);
    let mut rgb = Vec::with_capacity(width * height * 3);
    for row in 0..height {
        let y_row = &y.bytes[row * y.row_stride..];
        let cb_row = &cb.bytes[row / 2 * cb.row_stride..];
        let cr_row = &cr.bytes[row / 2 * cr.row_stride..];
        for column in 0..width {
            rgb.extend(convert.rgb(
                y_row[column * y.pixel_stride],
                cb_row[column / 2 * cb.pixel_stride],
                cr_row[column / 2 * cr.pixel_stride],
            ));
        }
    }
    Ok(rgb)
}

/// Fixed-point factors with 16 fractional bits.
struct Conversion {
    black: i32,
    luma: i32,
    cr_to_r: i32,
    cb_to_g: i32,
    cr_to_g: i32,
    cb_to_b: i32,
}

impl Conversion {
    /// The factors of ITU-R BT.601-7 and BT.709-6, from the weights of red and blue in the luma.
    fn of(colors: YuvColors) -> Self {
        let (red, blue) = match colors {
            YuvColors::Bt601Full | YuvColors::Bt601Video => (0.299, 0.114),
            YuvColors::Bt709Full | YuvColors::Bt709Video => (0.2126, 0.0722),
        };
        let (black, luma, chroma) = match colors {
            YuvColors::Bt601Full | YuvColors::Bt709Full => (0, 1.0, 1.0),
            YuvColors::Bt601Video | YuvColors::Bt709Video => (16, 255.0 / 219.0, 255.0 / 224.0),
        };
        let green = 1.0 - red - blue;
        let fixed = |value: f64| (value * 65536.0).round() as i32;
        Self {
            black,
            luma: fixed(luma),
            cr_to_r: fixed(chroma * 2.0 * (1.0 - red)),
            cb_to_g: fixed(-chroma * 2.0 * (1.0 - blue) * blue / green),
            cr_to_g: fixed(-chroma * 2.0 * (1.0 - red) * red / green),
            cb_to_b: fixed(chroma * 2.0 * (1.0 - blue)),
        }
    }

    fn rgb(&self, y: u8, cb: u8, cr: u8) -> [u8; 3] {
        let y = (i32::from(y) - self.black) * self.luma + (1 << 15);
        let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
        let byte = |value: i32| (value >> 16).clamp(0, 255) as u8;
        [
            byte(y + cr * self.cr_to_r),
            byte(y + cb * self.cb_to_g + cr * self.cr_to_g),
            byte(y + cb * self.cb_to_b),
        ]
    }
}

fn planes<'a, const N: usize>(frame: &Frame<'a>) -> Result<[Plane<'a>; N]> {
    frame.planes.as_slice().try_into().map_err(|_| {
        Error::Frame(format!("it has {} planes but its format has {N}", frame.planes.len()))
    })
}

fn check_plane(
    plane: Plane,
    name: &str,
    width: usize,
    height: usize,
    bytes_per_pixel: usize,
) -> Result<()> {
    if plane.pixel_stride < bytes_per_pixel {
        let (stride, least) = (plane.pixel_stride, bytes_per_pixel);
        return Err(Error::Frame(format!(
            "{name} has a pixel stride of {stride} but needs {least}"
        )));
    }
    let overflow = || Error::Frame(format!("{name} has strides that are too large"));
    let row = (width - 1).checked_mul(plane.pixel_stride).ok_or_else(overflow)?;
    let row = row.checked_add(bytes_per_pixel).ok_or_else(overflow)?;
    if plane.row_stride < row {
        let stride = plane.row_stride;
        let text = format!("{name} has a row stride of {stride} but a row has {row} bytes");
        return Err(Error::Frame(text));
    }
    let rows = plane.row_stride.checked_mul(height - 1).ok_or_else(overflow)?;
    let least = rows.checked_add(row).ok_or_else(overflow)?;
    if plane.bytes.len() < least {
        let found = plane.bytes.len();
        return Err(Error::Frame(format!("{name} has {found} bytes but needs {least}")));
    }
    Ok(())
}

/// The rows of a plane that [`check_plane`] has checked, each from its first to its last pixel.
fn rows<'a>(
    plane: Plane<'a>,
    width: usize,
    height: usize,
    bytes_per_pixel: usize,
) -> impl Iterator<Item = &'a [u8]> {
    let length = (width - 1) * plane.pixel_stride + bytes_per_pixel;
    (0..height).map(move |row| &plane.bytes[row * plane.row_stride..][..length])
}

fn upright(frame: &Frame, pixels: Vec<u8>) -> Result<Image> {
    let (width, height) = (frame.width as u32, frame.height as u32);
    let lying = ImageBuffer::<Rgb<u8>, _>::from_raw(width, height, pixels)
        .expect("every pixel of the frame was converted");
    let mut turned = match frame.rotation {
        0 => lying,
        90 => rotate90(&lying),
        180 => rotate180(&lying),
        270 => rotate270(&lying),
        other => {
            let text = format!("its rotation is {other}°: give 0, 90, 180 or 270");
            return Err(Error::Frame(text));
        }
    };
    if frame.mirrored {
        turned = flip_horizontal(&turned);
    }
    Image::from_rgb(turned.width() as usize, turned.height() as usize, turned.into_raw())
}
