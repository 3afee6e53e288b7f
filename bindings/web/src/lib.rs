//! The WebAssembly side of the npm package `mcdrl`. It translates between JavaScript and `mcdrl-runtime` and decides
//! nothing.
//!
//! `cargo xtask web` builds it three times: for the CPU on one thread, for the CPU on many threads, and for WebGPU. All
//! modules have the same surface, and the package's worker uses it: an [`Engine`] holds a model and segments a
//! [`Picture`].

mod device;
mod engine;
mod error;
mod panic;
mod picture;
mod segmentation;
#[cfg(feature = "threads")]
mod threads;

pub use engine::{Engine, choose_device};
pub use panic::panic_message;
pub use picture::Picture;
pub use segmentation::Maps;
#[cfg(feature = "threads")]
pub use threads::{build_threads, run_thread, thread_memory};
