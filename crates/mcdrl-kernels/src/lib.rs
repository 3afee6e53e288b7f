//! CPU kernels for Burn: convolution, depthwise convolution, batch normalisation, bilinear resizing and the end of a residual
//! block, forward and backward.
//!
//! Burn's CPU backend (flex) is slow at these. It computes the gradient of a convolution's weights as a convolution
//! with kernels as large as the image, and it normalises in a dozen passes over memory on one thread. Here, convolutions
//! are matrix products, the other operations need one or two passes, and all threads are used. Other backends keep their
//! own kernels.
//!
//! Two layers:
//! - [`cpu`]: the inner loops. They take slices and build without Burn.
//! - The functions of this crate, with the feature `burn`: the same operations on Burn's tensors, on every backend, with
//!   gradients if the feature `autodiff` is on.
//!
//! ```
//! use mcdrl_kernels::cpu::{ConvShape, Padding, convolution};
//!
//! // A 3×3 mean over a 4×4 image.
//! let padding = Padding::even(0);
//! let (kernel, stride) = ([3, 3], 1);
//! let shape =
//!     ConvShape { batch: 1, inputs: 1, height: 4, width: 4, outputs: 1, kernel, stride, padding };
//! let mean = convolution::forward(&shape, &[2.0; 16], &[1.0 / 9.0; 9]);
//! assert_eq!(mean.len(), 4);
//! assert!(mean.iter().all(|value| (value - 2.0).abs() < 1e-6));
//! ```

#[cfg(feature = "cpu")]
pub mod cpu;

#[cfg(any(feature = "burn", feature = "cpu"))]
mod activation;

#[cfg(feature = "burn")]
mod backend;
#[cfg(any(feature = "burn", feature = "cpu"))]
mod bilinear;
#[cfg(feature = "burn")]
pub mod fallback;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "autodiff")]
mod gradients;
#[cfg(feature = "burn")]
mod operations;
#[cfg(any(feature = "burn", feature = "cpu"))]
mod padding;

#[cfg(any(feature = "burn", feature = "cpu"))]
pub use activation::Activation;
#[cfg(feature = "burn")]
pub use backend::Kernels;
#[cfg(feature = "burn")]
pub use operations::{add_relu, batch_norm, convolve, convolve_norm, mix_channels, resize};
