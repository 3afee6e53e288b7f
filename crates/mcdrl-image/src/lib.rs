//! Image files, camera frames, masks and overlays. This crate does not use tensors.
//!
//! ```
//! use mcdrl_image::{Image, Mask, overlay};
//!
//! # fn main() -> mcdrl_image::Result<()> {
//! let image = Image::from_rgb(4, 2, vec![90; 4 * 2 * 3])?;
//! let file = image.encode_png()?;
//! assert_eq!(Image::decode(&file)?, image);
//! // Class 1 on the left half, drawn over the image.
//! let mask = Mask::from_classes(4, 2, vec![1, 1, 0, 0, 1, 1, 0, 0])?;
//! assert_ne!(overlay(&image, &mask, 0.25), image);
//! # Ok(())
//! # }
//! ```

mod active_area;
mod color_profile;
mod components;
mod decode;
mod depth;
#[cfg(feature = "dicom")]
mod dicom;
mod encode;
mod error;
mod float_map;
mod frame;
mod image;
mod jpeg;
mod kind;
mod mask;
mod mask_file;
mod note;
mod overlay;
mod palette;
mod tiff;
mod turn;

pub use components::{Bounds, Component, Components};
#[cfg(feature = "dicom")]
pub use dicom::DicomFile;
pub use error::{Error, Result};
pub use float_map::FloatMap;
pub use frame::{Frame, PixelFormat, Plane, YuvColors};
pub use image::Image;
pub use kind::FileKind;
pub use mask::Mask;
pub use mask_file::{MaskFile, MaskValue};
pub use note::Note;
pub use overlay::{TINT, overlay};
pub use palette::{PALETTE, class_color};
pub use turn::Turn;

/// The largest image that is accepted, in 10⁶ pixels.
pub const MAX_MEGAPIXELS: u32 = 100;
