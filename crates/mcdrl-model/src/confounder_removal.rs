//! Removal and imposition of confounders in features: D and R.
//!
//! A confounder z shifts and scales the features of a level in proportion to its dose κ: F_z = exp(κ γ_z) F + κ β_z. The
//! imposition R does this. The removal D(F) = (F − Σ κ_m β_m) · exp(−Σ κ_m γ_m) undoes it. For one confounder they are exact
//! inverses, and nothing is divided by zero. γ and β are linear in the text embedding of z, so a new word has them too.

use burn::module::{Initializer, Module};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use mcdrl_kernels::mix_channels;

/// The largest |Σ κ γ|. Beyond it, the scale would only amplify noise.
const LARGEST_EXPONENT: f64 = 3.0;

/// D and R at one level of the features.
#[derive(Module, Debug)]
pub struct ConfounderRemoval {
    /// z → β.
    shift: Linear,
    /// z → γ.
    gain: Linear,
}

impl ConfounderRemoval {
    /// A removal that changes nothing until it is trained.
    ///
    /// - `text_width`: of the text embeddings, `width`: channels of the level
    pub fn new(text_width: usize, width: usize, device: &Device) -> Self {
        let linear = || {
            LinearConfig::new(text_width, width)
                .with_bias(false)
                .with_initializer(Initializer::Zeros)
                .init(device)
        };
        Self { shift: linear(), gain: linear() }
    }

    /// D: the features without the confounders' influence.
    ///
    /// - `features`, output: `[batch, width, rows, columns]`
    /// - `doses`: κ, `[batch, M, rows, columns]`
    /// - `texts`: `[M, text width]`
    pub fn remove(&self, features: Tensor<4>, doses: Tensor<4>, texts: Tensor<2>) -> Tensor<4> {
        let (shift, exponent) = self.influence(doses, texts);
        (features - shift) * exponent.neg().exp()
    }

    /// R: the features under the confounders.
    ///
    /// - `features`, output: `[batch, width, rows, columns]`
    /// - `doses`: κ, `[batch, M, rows, columns]`
    /// - `texts`: `[M, text width]`
    pub fn impose(&self, features: Tensor<4>, doses: Tensor<4>, texts: Tensor<2>) -> Tensor<4> {
        let (shift, exponent) = self.influence(doses, texts);
        features * exponent.exp() + shift
    }

    /// How much each confounder changes the features of an image in the mean, relative to their size: `[batch, M]`.
    ///
    /// - `features`: `[batch, width, _, _]`, `doses`: `[batch, M, _, _]`, `texts`: `[M, text width]`
    pub fn change(&self, features: Tensor<4>, doses: Tensor<4>, texts: Tensor<2>) -> Tensor<2> {
        let mean = |map: Tensor<4>| map.flatten::<3>(2, 3).mean_dim(2).squeeze_dim::<2>(2);
        let (features, doses) = (mean(features).unsqueeze_dim::<3>(1), mean(doses));
        // To first order, F changes by κ (β + γ F).
        let [shift, gain] =
            [&self.shift, &self.gain].map(|of| of.forward(texts.clone()).unsqueeze::<3>());
        let length = |rows: Tensor<3>| rows.square().sum_dim(2).squeeze_dim::<2>(2).sqrt();
        let change = length(shift + gain * features.clone());
        doses * change / (length(features) + 1e-6)
    }

    /// Σ κ_m β_m and Σ κ_m γ_m: `[batch, width, rows, columns]` each.
    fn influence(&self, doses: Tensor<4>, texts: Tensor<2>) -> (Tensor<4>, Tensor<4>) {
        let total = |linear: &Linear| {
            mix_channels(doses.clone(), linear.forward(texts.clone()).transpose())
        };
        let exponent = total(&self.gain).clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT);
        (total(&self.shift), exponent)
    }
}
