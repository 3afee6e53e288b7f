//! Metrics, evaluation, leave-one-site-out and reports for MCDRL.
//!
//! ```
//! use mcdrl_eval::metrics::{Foreground, MaskPair};
//!
//! let (prediction, truth) = ([0, 1, 1, 0], [0, 1, 0, 0]);
//! let pair = MaskPair::new(&prediction, &truth, 2, 2).unwrap();
//! assert_eq!(pair.dice(Foreground::Any), Some(2.0 / 3.0));
//! ```

pub mod metrics;

mod error;
mod evaluate;
mod evaluation_report;
mod imposed_rows;
mod inspection_report;
mod loso;
mod numbers;
mod region_overlay;
mod removed;
mod report;
mod robustness;
mod visible;
mod word_test;

pub use error::{Error, Result};
pub use evaluate::{DETECTION_AREA, Evaluation, ImageScore, Overlap, SiteScore, evaluate};
pub use evaluation_report::evaluation_report;
pub use inspection_report::inspection_report;
pub use loso::{Difference, ImageDice, LosoReport, LosoRequest, LosoRun, Variant, loso};
pub use report::{Bar, Exhibit, Report};
pub use robustness::{ConfounderRow, Robustness, Stress, robustness};
pub use visible::{VisibleList, VisibleRow};
pub use word_test::{WordRow, WordTest, word_test};
