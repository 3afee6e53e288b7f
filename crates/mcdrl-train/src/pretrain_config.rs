//! The configuration of pre-training, and the small CLIP that it describes.

use garde::Validate;
use mcdrl_model::clip::{
    ClipConfig, ClipTextEncoderConfig, ClipVisionEncoderConfig, CompactResNetConfig,
    ModifiedResNetConfig, VisionTransformerConfig,
};
use mcdrl_model::faults_of;
use serde::{Deserialize, Serialize};

use crate::rules::{below_one, not_negative, positive};
use crate::{Error, Result};

/// The visual backbone of a small CLIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backbone {
    /// A compact ResNet. It learns from few images.
    #[default]
    Compact,
    /// CLIP's own ModifiedResNet at a small scale.
    ResNet,
    /// A vision transformer.
    Vit,
}

/// The configuration of pre-training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainConfig {
    /// The seed of the initial weights, the captions and the order of the data.
    #[garde(skip)]
    pub seed: u64,
    /// Number of epochs.
    #[garde(range(min = 1))]
    pub epochs: usize,
    /// Images in a step.
    #[garde(range(min = 2))]
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
    /// Side of the square input, pixels: a multiple of the encoder's stride, at least two strides.
    #[garde(range(min = 1, max = 4096))]
    pub input_size: usize,
    /// The visual backbone.
    #[garde(skip)]
    pub backbone: Backbone,
    /// Channels of the first stage, a multiple of 8. Later stages have two, four and eight times as many. The ViT has eight
    /// times as many.
    #[garde(range(min = 8))]
    pub width: usize,
    /// Blocks in each of the ResNet's stages. The ViT has their sum.
    #[garde(inner(range(min = 1)))]
    pub layers: [usize; 4],
    /// Heads of the visual encoder. Default: 4 (compact), 8 (ResNet), or one per 64 channels (ViT).
    #[garde(inner(range(min = 1)))]
    pub heads: Option<usize>,
    /// Side of a patch of the ViT, pixels.
    #[garde(range(min = 1))]
    pub patch_size: usize,
    /// Width of the text encoder. It is small, because captions have a vocabulary of about fifty words.
    #[garde(range(min = 1))]
    pub text_width: usize,
    /// Blocks of the text encoder.
    #[garde(range(min = 1))]
    pub text_layers: usize,
    /// Heads of the text encoder.
    #[garde(range(min = 1))]
    pub text_heads: usize,
    /// Width d of the joint space.
    #[garde(range(min = 1))]
    pub embed_dim: usize,
    /// Weight of the contrast at each position. The contrast of whole images has the weight 1.
    #[garde(custom(not_negative))]
    pub region: f32,
    /// Temperature of the contrast at each position.
    #[garde(custom(positive))]
    pub region_temperature: f32,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            epochs: 10,
            batch_size: 32,
            learning_rate: 0.002,
            warmup_ratio: 0.05,
            weight_decay: 0.01,
            clip_norm: 1.0,
            input_size: 128,
            backbone: Backbone::Compact,
            width: 24,
            layers: [1, 1, 2, 2],
            heads: None,
            patch_size: 8,
            text_width: 64,
            text_layers: 2,
            text_heads: 2,
            embed_dim: 128,
            region: 1.0,
            region_temperature: 0.1,
        }
    }
}

impl PretrainConfig {
    /// The architecture that is trained.
    pub fn architecture(&self) -> ClipConfig {
        let vision = match self.backbone {
            Backbone::Compact => ClipVisionEncoderConfig::Compact(
                CompactResNetConfig::new()
                    .with_image_size(self.input_size)
                    .with_channels([1, 2, 4, 8].map(|times| times * self.width))
                    .with_layers(self.layers)
                    .with_heads(self.heads.unwrap_or(4))
                    .with_embed_dim(self.embed_dim),
            ),
            Backbone::ResNet => ClipVisionEncoderConfig::ResNet(
                ModifiedResNetConfig::new()
                    .with_image_size(self.input_size)
                    .with_width(self.width)
                    .with_layers(self.layers)
                    .with_heads(self.heads.unwrap_or(8))
                    .with_embed_dim(self.embed_dim),
            ),
            Backbone::Vit => ClipVisionEncoderConfig::Vit(
                VisionTransformerConfig::new()
                    .with_image_size(self.input_size)
                    .with_patch_size(self.patch_size)
                    .with_width(8 * self.width)
                    .with_layers(self.layers.iter().sum())
                    .with_heads(self.heads.unwrap_or((self.width / 8).max(1)))
                    .with_embed_dim(self.embed_dim),
            ),
        };
        let text = ClipTextEncoderConfig::new()
            .with_width(self.text_width)
            .with_layers(self.text_layers)
            .with_heads(self.text_heads)
            .with_embed_dim(self.embed_dim);
        ClipConfig::new(vision, text)
    }

    /// Checks that the configuration is valid.
    ///
    /// # Errors
    /// [`Error::Config`] with all faults.
    pub fn check(&self) -> Result<()> {
        let mut faults = faults_of(self);
        if !self.width.is_multiple_of(8) {
            faults.push(format!("`width` {} must be a multiple of 8", self.width));
        }
        let architecture = self.architecture();
        let (size, stride) = (self.input_size, architecture.vision.stride());
        if size < 2 * stride || !size.is_multiple_of(stride) {
            faults.push(format!(
                "`input_size` {size} must be a multiple of {stride} and at least twice that"
            ));
        }
        faults.extend(architecture.faults());
        if faults.is_empty() { Ok(()) } else { Err(Error::Config(faults.join("; "))) }
    }
}
