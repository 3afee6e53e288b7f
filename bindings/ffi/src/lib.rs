//! The library under the Swift, Kotlin and Python packages: [`mcdrl_runtime`] behind UniFFI. It translates types and errors
//! and decides nothing. The idiomatic part of each package is written in its language, beside this crate.
//!
//! ```text
//! caller                          │ the segmenter's own thread
//! ImageSegmenter (segmenter.rs)   │ Worker (worker.rs): one image after the other
//!   Image (image.rs) ─────────────┼─▶ mcdrl_runtime::Segmenter
//!   waits or awaits ◀─ Reply (reply.rs) ─┼── Segmentation (segmentation.rs)
//! ```
//!
//! Panics do not cross the FFI boundary. A panic of the model becomes [`SegmenterError::Internal`].

mod bench;
mod bytes;
mod cancellation;
mod dicom;
mod error;
mod image;
mod log;
mod options;
mod panics;
mod reply;
mod segmentation;
mod segmenter;
mod video;
mod worker;

pub use bytes::Bytes;
pub use cancellation::Cancellation;
pub use dicom::DicomFile;
pub use error::{CallbackError, SegmenterError};
pub use image::{Image, YuvColors, YuvLayout};
pub use log::{LogLevel, LogSink, set_log_sink};
pub use options::{
    Confounder, CreationListener, CreationStage, Device, ModelSource, SegmenterOptions,
};
pub use segmentation::{CategoryMask, RegionMap, Segmentation};
pub use segmenter::ImageSegmenter;

uniffi::setup_scaffolding!();

/// The version of the library and of its packages.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// The colours of the mask values 1, 2, …, as 0xRRGGBB. They repeat for larger values.
#[uniffi::export]
pub fn palette() -> Vec<u32> {
    let packed = |[red, green, blue]: [u8; 3]| u32::from_be_bytes([0, red, green, blue]);
    mcdrl_image::PALETTE.map(packed).to_vec()
}
