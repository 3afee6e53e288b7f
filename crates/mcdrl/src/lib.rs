//! MCDRL: medical image segmentation that keeps working at the next hospital.
//!
//! This crate is what a Rust program depends on. It has the model ([`Segmenter`], [`Model`] and the method's
//! parts), the embedded demonstration ([`demo`]) and, with the feature `native`, data (`data`) and training
//! (`train`). The feature `gpu` adds the GPU backend.
//!
//! ```
//! use mcdrl::{DeviceChoice, Image, Segmenter, demo};
//!
//! # fn main() -> mcdrl::Result<()> {
//! let device = DeviceChoice::Cpu.open()?;
//! let segmenter = Segmenter::from_bytes(demo::MODEL, &device)?;
//! let image = Image::decode(demo::SAMPLES[0].image)?;
//! let segmentation = segmenter.segment(&image)?;
//! for class in segmentation.classes.iter().filter(|class| class.fraction > 0.0) {
//!     println!("{}: {:.1} % of the image", class.name, 100.0 * class.fraction);
//! }
//! let weights: f32 = segmentation.confounders.iter().map(|confounder| confounder.weight).sum();
//! assert!((weights - 1.0).abs() < 1e-3);
//! # Ok(())
//! # }
//! ```

pub mod demo;

pub use mcdrl_model::*;

#[cfg(feature = "native")]
pub use mcdrl_data as data;
#[cfg(feature = "native")]
pub use mcdrl_train as train;
