//! CLIP on Burn: the visual encoders (ViT, ModifiedResNet), the text encoder, the tokenizer, checkpoints.
//!
//! Follows Radford et al. 2021 and <https://github.com/openai/CLIP>; module fields bear the names of OpenAI's
//! state dict, so such a file loads without a table of names.

mod checkpoint;
mod compact;
mod resnet;
mod text;
#[cfg(feature = "tokenizer")]
mod tokenizer;
mod transformer;
mod vision;
mod vit;

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

pub use checkpoint::ClipCheckpoint;
pub use compact::{CompactResNet, CompactResNetConfig};
pub use resnet::{ModifiedResNet, ModifiedResNetConfig};
pub use text::{CONTEXT_LENGTH, ClipTextEncoder, ClipTextEncoderConfig};
#[cfg(feature = "tokenizer")]
pub use tokenizer::ClipTokenizer;
pub use transformer::Activation;
pub use vision::{ClipVisionEncoder, ClipVisionEncoderConfig, VisionFeatures};
pub use vit::{VisionTransformer, VisionTransformerConfig};

/// Channel means that CLIP's pixels are normalised with (RGB, 0..1).
pub const PIXEL_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
/// Channel deviations that CLIP's pixels are normalised with (RGB, 0..1).
pub const PIXEL_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// Where the dense features come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DenseFeatures {
    /// The last tokens, normalised and projected.
    Tokens,
    /// The value path of the last attention block (MaskCLIP, Zhou et al. 2022), which keeps each position's
    /// own content and so aligns better with text.
    #[default]
    ValuePath,
}

/// Builds a [`Clip`].
#[derive(Config, Debug)]
pub struct ClipConfig {
    /// The visual encoder.
    pub vision: ClipVisionEncoderConfig,
    /// The text encoder.
    pub text: ClipTextEncoderConfig,
}

/// Both encoders of CLIP and the temperature between them.
#[derive(Module, Debug)]
pub struct Clip {
    /// Images → joint space.
    pub visual: ClipVisionEncoder,
    /// Texts → joint space.
    pub text: ClipTextEncoder,
    /// ln(1/τ): `[1]`.
    pub logit_scale: Param<Tensor<1>>,
}

impl ClipConfig {
    /// A CLIP with random weights.
    pub fn init(&self, device: &Device) -> Clip {
        Clip {
            visual: self.vision.init(device),
            text: self.text.init(device),
            logit_scale: Param::from_data([(1.0f32 / 0.07).ln()], device),
        }
    }
}

#[cfg(feature = "tokenizer")]
impl Clip {
    /// The embeddings of texts, one row each, not normalised.
    ///
    /// - output: `[texts, width]`
    pub fn embed_texts(&self, tokenizer: &ClipTokenizer, texts: &[impl AsRef<str>]) -> Tensor<2> {
        let device = self.logit_scale.val().device();
        self.text.forward(tokenizer.tokens(texts, &device))
    }
}

/// Rows scaled to length one.
///
/// - `rows`: `[.., width]`
pub fn normalize<const D: usize>(rows: Tensor<D>) -> Tensor<D> {
    let norm = rows.clone().square().sum_dim(D - 1).sqrt().clamp_min(1e-6);
    rows / norm
}
