//! MCDRL: medical image segmentation that keeps working at the next hospital.
//!
//! This crate is what a Rust program depends on. It has the model ([`Segmenter`], [`Model`] and the method's
//! parts), the embedded demonstration model ([`demo`]) and, with the feature `native`, data ([`data`]) and
//! training ([`train`]). The feature `gpu` adds the GPU backend.

pub use mcdrl_model::*;

#[cfg(feature = "native")]
pub use mcdrl_data as data;
#[cfg(feature = "native")]
pub use mcdrl_train as train;
