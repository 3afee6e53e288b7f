//! The maps of image features and of sentences into one joint space (Zhai et al. 2022, "LiT": the text encoder is locked).

use burn::config::Config;
use burn::module::{Initializer, Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::LARGEST_LOGIT_SCALE;
use super::efficientnet_lite::{EfficientNetLite, ProjectedLite};

/// Builds an [`Alignment`].
#[derive(Config, Debug)]
pub struct AlignmentConfig {
    /// Channels of the image features.
    pub image_width: usize,
    /// Width of the sentence embeddings.
    pub text_width: usize,
    /// Width d of the joint space.
    #[config(default = 128)]
    pub embed_dim: usize,
}

/// Two linear maps into a joint space, and the temperature between images and texts.
#[derive(Module, Debug)]
pub struct Alignment {
    image: Linear,
    text: Linear,
    /// ln(1/τ): `[1]`.
    logit_scale: Param<Tensor<1>>,
}

impl AlignmentConfig {
    /// Random maps.
    pub fn init(&self, device: &Device) -> Alignment {
        let image = LinearConfig::new(self.image_width, self.embed_dim).with_bias(false);
        // Sentence embeddings have a common mean, which the bias takes out.
        let text = LinearConfig::new(self.text_width, self.embed_dim);
        // 0.07, as in CLIP.
        let scale = Initializer::Constant { value: (1.0f64 / 0.07).ln() };
        Alignment {
            image: image.init(device),
            text: text.init(device),
            logit_scale: scale.init([1], device),
        }
    }
}

impl Alignment {
    /// Image features in the joint space.
    ///
    /// - `features`: `[batch, positions, channels]`
    /// - output: `[batch, positions, d]`
    pub fn images(&self, features: Tensor<3>) -> Tensor<3> {
        self.image.forward(features)
    }

    /// Sentences in the joint space.
    ///
    /// - `sentences`: `[texts, width]`
    /// - output: `[texts, d]`
    pub fn texts(&self, sentences: Tensor<2>) -> Tensor<2> {
        self.text.forward(sentences)
    }

    /// 1/τ: `[1]`.
    pub fn scale(&self) -> Tensor<1> {
        self.logit_scale.val().clamp_max(LARGEST_LOGIT_SCALE.ln()).exp()
    }

    /// The visual encoder of the joint space.
    pub fn visual(&self, encoder: EfficientNetLite) -> ProjectedLite {
        ProjectedLite { encoder, proj: self.image.clone() }
    }

    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.logit_scale.val().device()
    }
}
