//! Segmentation metrics with MONAI's formulas and numbers.
//!
//! Overlap and surface metrics compare two class masks of one frame, a [`MaskPair`], for one choice of [`Foreground`].
//! Distances are in pixels. A score that is not defined for a frame is `None`. [`Summary`] leaves it out, as MONAI's
//! `do_metric_reduction` leaves out NaN.
//!
//! The vectors in `tests/conformance/metrics_monai.json` test the agreement with MONAI 1.3.

mod calibration;
mod detection;
mod interval;
mod mask_pair;
mod roc;
mod summary;
mod surface;
mod thresholds;

pub use calibration::{CALIBRATION_BINS, Calibration, CalibrationBin, score_calibration_error};
pub use detection::Detection;
pub use interval::Interval;
pub use mask_pair::{Foreground, MaskPair, MaskSizeError};
pub use roc::auroc;
pub use summary::{Summary, quantile};
pub use surface::SurfaceDistances;
pub use thresholds::{Counts, ThresholdScore, Thresholds};
