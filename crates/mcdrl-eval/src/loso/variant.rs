//! The variants of the method that the protocol compares.

use mcdrl_model::DoseSource;
use mcdrl_train::{ImpositionConfig, TrainConfig};
use serde::{Deserialize, Serialize};

/// The share of changed images of [`Variant::Imposed`].
const IMPOSED: f64 = 0.5;

/// The weight of equal features in [`Variant::PairsFeatures`].
const FEATURES: f32 = 0.5;

/// A variant of the method. All have the same images, steps and augmentation. A scene with a confounder is not given another light
/// by augmentation; twins make batches larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The same encoder and head trained with L_seg alone: no MTRS, no CDRL, no text in the loss, no imposed confounders.
    Baseline,
    /// The baseline, and half of the images have a confounder imposed.
    Imposed,
    /// The baseline, and images have twins with a confounder imposed, whose masks must agree.
    Pairs,
    /// The same, and their features must agree too.
    PairsFeatures,
    /// The intervention acts on every position.
    WithoutMtrs,
    /// Regions are selected, and there is no intervention.
    WithoutCdrl,
    /// The full method, but the codes that D takes out have no meaning: nothing teaches the doses but L_seg and the pairs' masks.
    UnnamedCodes,
    /// The full method, but D always takes out the same doses.
    ConstantDoses,
    /// The full method, but at test D takes out the doses of another image.
    OtherDoses,
    /// The full method.
    Full,
}

impl Variant {
    /// All variants, in the order of the tables.
    pub const ALL: [Self; 10] = [
        Self::Baseline,
        Self::Imposed,
        Self::Pairs,
        Self::PairsFeatures,
        Self::WithoutMtrs,
        Self::WithoutCdrl,
        Self::UnnamedCodes,
        Self::ConstantDoses,
        Self::OtherDoses,
        Self::Full,
    ];

    /// The variants of the paper's table.
    pub const PAPER: [Self; 4] = [Self::Baseline, Self::WithoutMtrs, Self::WithoutCdrl, Self::Full];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Imposed => "imposed",
            Self::Pairs => "pairs",
            Self::PairsFeatures => "pairs-features",
            Self::WithoutMtrs => "without-mtrs",
            Self::WithoutCdrl => "without-cdrl",
            Self::UnnamedCodes => "unnamed-codes",
            Self::ConstantDoses => "constant-doses",
            Self::OtherDoses => "other-doses",
            Self::Full => "full",
        }
    }

    /// The variant whose trained model this one tests.
    pub fn trained_as(self) -> Self {
        if self == Self::OtherDoses { Self::Full } else { self }
    }

    /// The doses that the model of [`Self::trained_as`] removes at test.
    pub fn dose_source(self) -> DoseSource {
        match self {
            Self::ConstantDoses => DoseSource::Constant,
            Self::OtherDoses => DoseSource::OtherImage,
            _ => DoseSource::Image,
        }
    }

    /// The configuration of its training; everything else stays the same.
    pub fn configure(self, config: &TrainConfig) -> TrainConfig {
        use Variant::{
            Baseline, ConstantDoses, Full, Imposed, OtherDoses, Pairs, PairsFeatures, UnnamedCodes,
        };
        let mut config = config.clone();
        let is_full = matches!(self, Full | UnnamedCodes | ConstantDoses | OtherDoses);
        let run = &mut config.model.run;
        run.selection.enabled = is_full || self == Self::WithoutCdrl;
        run.intervention.enabled = is_full || self == Self::WithoutMtrs;
        if self == ConstantDoses {
            run.intervention.dose_source = DoseSource::Constant;
        }
        let has_no_removal = matches!(self, Baseline | Imposed | Pairs | PairsFeatures);
        if has_no_removal {
            config.loss.contrast = 0.0;
            config.loss.region = 0.0;
        }
        if has_no_removal || self == UnnamedCodes {
            config.loss.pairs.doses = 0.0;
            config.loss.pairs.removal = 0.0;
            config.schedule.readout_epochs = 0;
        }
        if self == PairsFeatures {
            config.loss.pairs.features = FEATURES;
        }
        config.imposition = match self {
            Baseline => ImpositionConfig::none(),
            Imposed => ImpositionConfig { share: IMPOSED, pairs: false, ..config.imposition },
            _ => config.imposition,
        };
        config
    }
}
