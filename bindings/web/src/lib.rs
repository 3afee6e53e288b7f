//! The WebAssembly side of the npm package `mcdrl`: translates between JavaScript and `mcdrl-model`, decides nothing.
//!
//! Built three times (`cargo xtask web`): for the CPU on one thread, for the CPU on many, and for WebGPU. Each module
//! has the same surface, which the package's worker drives: an [`Engine`] opened with a model file segments a
//! [`Picture`].

mod answer;
mod device;
mod engine;
mod error;
mod panic;
mod picture;
#[cfg(feature = "threads")]
mod threads;

pub use answer::Maps;
pub use engine::Engine;
pub use panic::panic_message;
pub use picture::Picture;
#[cfg(feature = "threads")]
pub use threads::{build_threads, run_thread, thread_memory};
