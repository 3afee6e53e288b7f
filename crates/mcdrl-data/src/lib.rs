#![doc = include_str!("../README.md")]
//!
//! # In code
//!
//! ```no_run
//! use mcdrl_data::{Dataset, hold_out_groups};
//!
//! # fn main() -> mcdrl_data::Result<()> {
//! let dataset = Dataset::open("DATA".as_ref())?;
//! let samples: Vec<_> = dataset.samples().cloned().collect();
//! let split = hold_out_groups(&samples, 0.1, 7);
//! let labelled = dataset.load(&split.train[0])?;
//! assert_eq!(labelled.image.width(), labelled.mask.width());
//! # Ok(())
//! # }
//! ```

mod atomic;
mod augment;
mod dataset;
mod dataset_toml;
mod error;
mod groups;
mod image_file;
mod import;
mod inspection;
mod mask_values;
mod new_folder;
mod pairing;
mod sample;
mod site;
mod split;
mod text_file;
mod warnings;

pub use atomic::{PART, write_atomic};
pub use augment::{AugmentConfig, View};
pub use dataset::Dataset;
pub use error::{Error, Result};
pub use image_file::{entries, file_stem, is_image, read_file, read_image};
pub use import::{Imported, Layout, import};
pub use inspection::{Finding, Inspection, SiteInspection};
pub use new_folder::new_folder;
pub use pairing::{MASK_FOLDERS, comparable};
pub use sample::{Factors, LabelledImage, Sample, UNKNOWN_CLASS};
pub use site::Site;
pub use split::{Split, hold_out_groups, leave_one_site_out};
pub use warnings::Warnings;
