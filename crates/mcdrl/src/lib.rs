//! MCDRL: medical image segmentation that keeps working at the next hospital.
//!
//! Rust programs depend on this crate. It exports the [`Segmenter`] and all related types. Features:
//!
//! | feature | adds |
//! |---|---|
//! | `demo` | the module `demo`: an embedded model and sample images |
//! | `gpu` | the GPU through Vulkan, Metal or DirectX 12 |
//! | `cuda` | the GPU through CUDA |
//! | `native` | the modules `data`, `synth`, `train`, `eval` and `clip`: dataset folders, training, evaluation |
//!
#![cfg_attr(feature = "demo", doc = "```")]
#![cfg_attr(not(feature = "demo"), doc = "```ignore")]
//! use mcdrl::{Image, OpenOptions, Segmenter, demo};
//!
//! # futures_lite::future::block_on(async {
//! let segmenter = Segmenter::open(demo::MODEL, OpenOptions::default()).await?;
//! let image = Image::decode(demo::SAMPLES[0].image)?;
//! let segmentation = segmenter.segment(&image)?;
//! for class in segmentation.classes.iter().filter(|class| class.fraction > 0.0) {
//!     println!("{}: {:.1} % of the image", class.name, 100.0 * class.fraction);
//! }
//! let weights: f32 = segmentation.confounders.iter().map(|confounder| confounder.weight).sum();
//! assert!((weights - 1.0).abs() < 1e-3);
//! # Ok::<(), mcdrl::Error>(())
//! # }).unwrap();
//! ```
//!
//! Programs without an async runtime call [`Segmenter::open_blocking`].

#[cfg(feature = "demo")]
pub mod demo;

#[cfg(feature = "native")]
pub mod clip;

pub use mcdrl_image::{
    Bounds, Error as ImageError, FloatMap, Frame, Image, MAX_MEGAPIXELS, Mask, Note, PALETTE,
    PixelFormat, Plane, TINT, YuvColors, class_color, overlay,
};
pub use mcdrl_runtime::{
    Area, ClassShare, Confounder, ConfounderWeight, DeviceChoice, DeviceInfo, DeviceKind,
    DeviceReason, DiceCalibration, Error, ErrorKind, FORMAT_VERSION, Lesion, Model, ModelHeader,
    OpenOptions, OpenStage, Precision, Profile, RegionMap, Result, Segmentation, Segmenter, Tiles,
    View,
};

#[cfg(feature = "native")]
pub use mcdrl_image::DicomFile;

#[cfg(feature = "native")]
pub use mcdrl_data as data;
#[cfg(feature = "native")]
pub use mcdrl_eval as eval;
#[cfg(feature = "native")]
pub use mcdrl_synth as synth;
#[cfg(feature = "native")]
pub use mcdrl_train as train;
