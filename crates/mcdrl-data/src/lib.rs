//! Sites and samples for MCDRL: dataset folders, synthetic sites, augmentation, splits.
//!
//! ```
//! use mcdrl_data::synth::{SynthConfig, synthesize_frame};
//!
//! let config = SynthConfig { size: 64, ..SynthConfig::default() };
//! let frame = synthesize_frame(&config, 0, 3);
//! assert_eq!(frame.image.width(), 64);
//! assert_eq!(frame.factors.class.is_some(), frame.mask.classes().iter().any(|c| *c != 0));
//! ```

pub mod synth;

mod augment;
mod dataset;
mod error;
mod split;

pub use augment::AugmentConfig;
pub use dataset::{
    Dataset, Factors, LabelledImage, Sample, Site, UNKNOWN_CLASS, is_image, read_image,
};
pub use error::{Error, Result};
pub use split::{Split, hold_out_groups, leave_one_site_out};
