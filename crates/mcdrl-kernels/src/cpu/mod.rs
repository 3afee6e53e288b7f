//! The inner loops, on slices. Maps are row-major: `[batch, channels, rows, columns]`.

pub mod batch_norm;
pub mod convolution;
pub mod interpolation;
pub mod matrix;
pub mod patches;
pub mod residual;
pub mod winograd;

mod parallel;
mod shape;

pub use shape::ConvShape;
