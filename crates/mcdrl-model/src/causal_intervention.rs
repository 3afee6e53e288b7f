//! The causal intervention (CDRL, paper section 3.4): P(Y | do(F)) on features.
//!
//! Two variants. [`CausalIntervention::Removal`] takes the influence of the confounders, as far as the read-out sees them, out of
//! every level that reaches the head. [`CausalIntervention::Attention`] is the paper's.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use garde::Validate;
use mcdrl_kernels::resize;
use serde::{Deserialize, Serialize};

use crate::causal_attention::{Attended, CausalAttention, CausalAttentionConfig};
use crate::confounder_removal::ConfounderRemoval;

/// The variant to build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(rename_all = "lowercase")]
pub enum CausalInterventionConfig {
    /// Removal of named confounders at every level.
    #[default]
    Removal,
    /// The paper's attention over the dictionary.
    Attention(#[garde(dive)] CausalAttentionConfig),
}

/// Run-time settings of an intervention. They do not change the tensors of the network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub struct InterventionRun {
    /// `false`: the features pass unchanged, as in the paper's ablation "without CDRL".
    pub enabled: bool,
    /// Whether the answer is averaged over the confounders: P(Y | do(F)) = Σ_z P(z) P(Y | F, z). Needs a decoding for each
    /// confounder. Only for the removal.
    pub backdoor: bool,
    /// Where the doses that the removal takes out come from.
    pub dose_source: DoseSource,
    /// Temperature of Pool(F_ca), the input of L_causal.
    #[garde(custom(positive))]
    pub pool_temperature: f64,
}

/// Where the doses that the removal takes out come from. All but the first are controls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoseSource {
    /// The read-out of the image.
    #[default]
    Image,
    /// The same for every image, confounder and position.
    Constant,
    /// The read-out of the next image of the batch. An image alone has no other: nothing is taken out.
    OtherImage,
}

/// The dose of [`DoseSource::Constant`].
const CONSTANT_DOSE: f32 = 0.5;

impl DoseSource {
    /// The doses of the source.
    ///
    /// - `doses`: of the images, `[batch, M, rows, columns]`
    pub fn of(self, doses: Tensor<4>) -> Tensor<4> {
        let [batch, ..] = doses.dims();
        match self {
            Self::Image => doses,
            Self::Constant => Tensor::full(doses.dims(), CONSTANT_DOSE, &doses.device()),
            Self::OtherImage => {
                let first = doses.clone().narrow(0, 0, 1);
                match batch {
                    1 => doses.zeros_like(),
                    _ => Tensor::cat(vec![doses.narrow(0, 1, batch - 1), first], 0),
                }
            }
        }
    }
}

/// The causal intervention.
#[derive(Module, Debug)]
// A network holds one intervention, so boxing gains nothing.
#[allow(clippy::large_enum_variant)]
pub enum CausalIntervention {
    /// D and R at every level, fine to coarse.
    Removal(Vec<ConfounderRemoval>),
    /// The paper's attention, at the coarsest level.
    Attention(CausalAttention),
}

impl Default for InterventionRun {
    fn default() -> Self {
        Self {
            enabled: true,
            backdoor: false,
            dose_source: DoseSource::default(),
            pool_temperature: 0.1,
        }
    }
}

impl CausalInterventionConfig {
    /// The fault of this configuration in a joint space of `width` channels.
    pub fn fault_at(&self, width: usize) -> Option<String> {
        match self {
            Self::Removal => None,
            Self::Attention(config) => config.fault_at(width),
        }
    }

    /// An intervention that changes nothing, or little, until it is trained.
    ///
    /// - `levels`: their number, `head_width`: their channels
    /// - `width`: d, `text_width`: of the dictionary
    pub fn init(
        &self,
        levels: usize,
        head_width: usize,
        width: usize,
        text_width: usize,
        device: &Device,
    ) -> CausalIntervention {
        let removal = || ConfounderRemoval::new(text_width, head_width, device);
        match self {
            Self::Removal => CausalIntervention::Removal((0..levels).map(|_| removal()).collect()),
            Self::Attention(config) => {
                CausalIntervention::Attention(config.init(width, text_width, device))
            }
        }
    }
}

impl CausalIntervention {
    /// The attention over the dictionary; `None` for the other variant.
    ///
    /// - `retained`: F, `[batch, N, d]`, `entries`: Z, `[M, text width]`
    pub fn attend(&self, retained: Tensor<3>, entries: Tensor<2>) -> Option<Attended> {
        match self {
            Self::Attention(attention) => Some(attention.forward(retained, entries)),
            Self::Removal(_) => None,
        }
    }

    /// D at every level; the levels themselves for the other variant.
    ///
    /// - `levels`: fine to coarse, each `[batch, head width, _, _]`
    /// - `doses`: κ, `[batch, M, rows, columns]`
    /// - `entries`: Z, `[M, text width]`
    pub fn remove(
        &self,
        levels: Vec<Tensor<4>>,
        doses: &Tensor<4>,
        entries: &Tensor<2>,
    ) -> Vec<Tensor<4>> {
        self.at_levels(levels, |removal, level| {
            removal.remove(level.clone(), fitted(doses, &level), entries.clone())
        })
    }

    /// R at every level: the levels under the confounders.
    ///
    /// The arguments are those of [`Self::remove`].
    pub fn impose(
        &self,
        levels: Vec<Tensor<4>>,
        doses: &Tensor<4>,
        entries: &Tensor<2>,
    ) -> Vec<Tensor<4>> {
        self.at_levels(levels, |removal, level| {
            removal.impose(level.clone(), fitted(doses, &level), entries.clone())
        })
    }

    /// The share of each confounder in what [`Self::remove`] changes, at the mean features of an image; `None` for the
    /// other variant. `[batch, M]`, all 0 without a correction, else their sum is close to one.
    ///
    /// The arguments are those of [`Self::remove`].
    pub fn shares(
        &self,
        levels: &[Tensor<4>],
        doses: &Tensor<4>,
        entries: &Tensor<2>,
    ) -> Option<Tensor<2>> {
        let Self::Removal(removals) = self else { return None };
        let changes = removals
            .iter()
            .zip(levels)
            .map(|(removal, level)| removal.change(level.clone(), doses.clone(), entries.clone()));
        let change = changes.reduce(|sum, change| sum + change)?;
        let total = change.clone().sum_dim(1) + NO_CORRECTION;
        Some(change / total)
    }

    fn at_levels(
        &self,
        levels: Vec<Tensor<4>>,
        change: impl Fn(&ConfounderRemoval, Tensor<4>) -> Tensor<4>,
    ) -> Vec<Tensor<4>> {
        match self {
            Self::Removal(removals) => {
                removals.iter().zip(levels).map(|(removal, level)| change(removal, level)).collect()
            }
            Self::Attention(_) => levels,
        }
    }
}

/// A change of the features, relative to their size, that is too small to be called a correction.
const NO_CORRECTION: f64 = 1e-3;

/// The doses at the size of a level.
fn fitted(doses: &Tensor<4>, level: &Tensor<4>) -> Tensor<4> {
    let [_, _, rows, columns] = level.dims();
    resize(doses.clone(), [rows, columns])
}

fn positive(value: &f64, _: &()) -> garde::Result {
    if value.is_finite() && *value > 0.0 {
        Ok(())
    } else {
        Err(garde::Error::new("must be positive"))
    }
}
