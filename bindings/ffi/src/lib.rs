//! The library under the Swift, Kotlin and Python packages: [`mcdrl_model`] behind UniFFI. It translates and decides
//! nothing; what feels native in each language is written in that language, beside this crate.
//!
//! ```text
//! caller                          │ the segmenter's own thread
//! ImageSegmenter (segmenter.rs)   │ Worker (worker.rs): one image after the other
//!   Image (image.rs) ─────────────┼─▶ mcdrl_model::Segmenter
//!   waits or awaits ◀─ Reply (reply.rs) ─┼── Segmentation (answer.rs)
//! ```
//!
//! No panic crosses the border: those of the model become [`SegmenterError::Internal`] on the worker's thread.

mod answer;
mod bytes;
mod cancellation;
mod error;
mod image;
mod log;
mod options;
mod reply;
mod segmenter;
mod video;
mod worker;

pub use answer::{CategoryMask, RegionMap, Segmentation};
pub use bytes::Bytes;
pub use cancellation::Cancellation;
pub use error::{CallbackError, SegmenterError};
pub use image::{Image, YuvColors, YuvLayout};
pub use log::{LogLevel, LogSink, set_log_sink};
pub use options::{
    Confounder, CreationListener, CreationStage, Device, ModelSource, SegmenterOptions,
};
pub use segmenter::ImageSegmenter;

uniffi::setup_scaffolding!();

/// The library's version, as in its packages.
#[uniffi::export]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
