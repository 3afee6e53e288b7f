//! The inner loops, on slices. Maps are row-major: `[batch, channels, rows, columns]`.

pub mod batch_norm;
pub mod convolution;
pub mod depthwise;
pub mod finish;
pub mod interpolation;
pub mod matrix;
pub mod patches;
pub mod pointwise;
pub mod residual;
pub mod winograd;

mod parallel;
mod shape;
mod vectorized;

pub use crate::padding::Padding;
pub use shape::ConvShape;
