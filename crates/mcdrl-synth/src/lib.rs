//! Synthetic sites: endoscopic frames with exact masks and known confounders. And confounders imposed on real pictures.
//!
//! A frame shows a bent, folded tube with at most one lesion, lit from the tip of the endoscope. Each of the twelve
//! confounders of MCDRL is a factor with a strength. A site is a mixture of factors and a camera. Every factor is known and
//! can be set alone, so the frames can test whether a model is free of confounding.
//!
//! The same confounders can be imposed on real pictures: [`Renderer`]. [`Confounding`] ties one of them to the lesions.
//!
//! The generator needs no data. It is a pure function of the configuration, the site and the index of the frame: the same
//! on every run of a build, in any order and on any thread. (Between platforms, the last bit of transcendental functions may
//! differ, so a pixel may differ.)
//!
//! ```
//! use mcdrl_synth::{SynthConfig, synthesize_frame};
//!
//! let config = SynthConfig { size: 64, ..SynthConfig::default() };
//! let frame = synthesize_frame(&config, 0, 3);
//! assert_eq!(frame.image.width(), 64);
//! assert_eq!(frame.factors.class.is_some(), frame.mask.classes().iter().any(|c| *c != 0));
//! ```

mod anatomy;
mod camera;
mod compression;
mod config;
mod confounded_dataset;
mod confounders;
mod confounding;
mod dataset;
mod error;
mod frame;
mod impose;
mod lesion;
mod mucosa;
mod noise;
mod place;
mod placement;
mod random;
mod scene;
mod shading;
mod site;
mod vector;

pub use config::SynthConfig;
pub use confounded_dataset::write_confounded;
pub use confounders::{CONFOUNDERS, Confounder, FrameFactors};
pub use confounding::Confounding;
pub use dataset::write_dataset;
pub use error::{Error, Result};
pub use frame::{SyntheticFrame, intervene_on_frame, synthesize_frame};
pub use impose::{Imposed, Renderer, Rendition, Surroundings, Zoom};
pub use lesion::LESION_CLASSES;
pub use site::site_name;
