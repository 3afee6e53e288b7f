//! CLIP on Burn: visual encoders (ViT, ModifiedResNet, EfficientNet-Lite, a compact ResNet) and text encoders.
//!
//! Follows Radford et al. 2021 and <https://github.com/openai/CLIP>. Fields have the names of OpenAI's state dict, so that
//! such a file loads without a table of names.

mod alignment;
mod attention_pool;
mod compact_resnet;
mod convolution;
mod efficientnet_lite;
mod features;
mod modified_resnet;
mod position_embedding;
mod sentence_encoder;
mod text;
mod transformer;
mod vision;
mod vit;

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

pub use alignment::{Alignment, AlignmentConfig};
pub use compact_resnet::{CompactResNet, CompactResNetConfig};
pub use efficientnet_lite::{EfficientNetLite, EfficientNetLiteConfig, LiteVersion, ProjectedLite};
pub use features::{DenseFeatures, VisionFeatures};
pub use modified_resnet::{ModifiedResNet, ModifiedResNetConfig};
pub use sentence_encoder::{SentenceEncoder, SentenceEncoderConfig};
pub use text::{CONTEXT_LENGTH, ClipTextEncoder, ClipTextEncoderConfig};
pub use transformer::Activation;
pub use vision::{ClipVisionEncoder, ClipVisionEncoderConfig};
pub use vit::{VisionTransformer, VisionTransformerConfig};

/// Channel means that CLIP's pixels are normalised with (RGB, 0..1).
pub const PIXEL_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];

/// Channel deviations that CLIP's pixels are normalised with (RGB, 0..1).
pub const PIXEL_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

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

/// The largest inverse temperature of a softmax over cosines: a temperature below 1/100 is unstable (Radford et al. 2021).
pub const LARGEST_LOGIT_SCALE: f32 = 100.0;

/// The temperature of an untrained CLIP (Radford et al. 2021).
const INITIAL_TEMPERATURE: f32 = 0.07;

impl ClipConfig {
    /// A CLIP with random weights.
    pub fn init(&self, device: &Device) -> Clip {
        Clip {
            visual: self.vision.init(device),
            text: self.text.init(device),
            logit_scale: Param::from_data([(1.0 / INITIAL_TEMPERATURE).ln()], device),
        }
    }

    /// The faults of this configuration, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        [self.vision.faults(), self.text.faults()].concat()
    }
}
