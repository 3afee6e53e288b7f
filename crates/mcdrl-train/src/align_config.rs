//! The configuration of an alignment.

use garde::Validate;
use mcdrl_model::faults_of;
use mcdrl_runtime::Profile;
use serde::{Deserialize, Serialize};

use crate::rules::{below_one, not_negative, positive};
use crate::{Error, Result};

/// The configuration of an alignment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct AlignConfig {
    /// The seed of the initial maps, the captions and the order of the data.
    #[garde(skip)]
    pub seed: u64,
    /// Number of epochs.
    #[garde(range(min = 1))]
    pub epochs: usize,
    /// Images in a step. Each is shown with and without a confounder.
    #[garde(range(min = 1))]
    pub batch_size: usize,
    /// Highest learning rate of AdamW.
    #[garde(custom(positive))]
    pub learning_rate: f64,
    /// Share of the steps in which the learning rate rises. After that it falls to zero along a cosine.
    #[garde(custom(below_one))]
    pub warmup_ratio: f64,
    /// Weight decay of AdamW.
    #[garde(custom(not_negative))]
    pub weight_decay: f64,
    /// Largest norm of all gradients together; 0 disables clipping.
    #[garde(custom(not_negative))]
    pub clip_norm: f64,
    /// Side of the square input, pixels.
    #[garde(range(min = 32, max = 4096))]
    pub input_size: usize,
    /// Width d of the joint space.
    #[garde(range(min = 1, max = 4096))]
    pub embed_dim: usize,
    /// Weight of the contrast at each position. The contrast of whole images has the weight 1.
    #[garde(custom(not_negative))]
    pub region: f32,
    /// Temperature of the contrast at each position.
    #[garde(custom(positive))]
    pub region_temperature: f32,
    /// Confounders that no caption names, to test whether their words are understood all the same.
    #[garde(skip)]
    pub unnamed: Vec<String>,
    /// A control: every picture gets the captions of its neighbour in the batch, and there is no contrast at positions. So
    /// nothing can be learned.
    #[garde(skip)]
    pub shuffled: bool,
}

impl Default for AlignConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            epochs: 6,
            batch_size: 16,
            learning_rate: 0.003,
            warmup_ratio: 0.05,
            weight_decay: 0.01,
            clip_norm: 1.0,
            input_size: 224,
            embed_dim: 128,
            region: 1.0,
            region_temperature: 0.1,
            unnamed: Vec::new(),
            shuffled: false,
        }
    }
}

impl AlignConfig {
    /// Checks that the configuration is valid for a profile.
    ///
    /// # Errors
    /// [`Error::Config`] with all faults.
    pub fn check(&self, profile: &Profile) -> Result<()> {
        let mut faults = faults_of(self);
        let known = |name: &String| profile.confounders.iter().any(|c| c.name == *name);
        for name in self.unnamed.iter().filter(|name| !known(name)) {
            faults.push(format!("`unnamed` names `{name}`, which is no confounder of the data"));
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Config(faults.join("; "))) }
    }
}
