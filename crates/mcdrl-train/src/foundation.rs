//! What training starts from: a pre-trained visual encoder, and the embeddings of the profile's prompts.

use burn::tensor::{Device, Tensor};
use mcdrl_model::clip::{ClipVisionEncoder, ClipVisionEncoderConfig, EfficientNetLiteConfig};
use mcdrl_model::l2_normalize;
use mcdrl_runtime::{
    ClipCheckpoint, ClipTokenizer, LiteCheckpoint, Preprocess, Profile, SentenceCheckpoint,
};

use crate::Result;

/// A pre-trained visual encoder and the texts of a profile. Everything is on the CPU.
#[derive(Clone)]
pub struct Foundation {
    /// The visual encoder.
    pub vision: ClipVisionEncoderConfig,
    /// The preprocessing that the encoder was trained with, at its own input size.
    pub preprocess: Preprocess,
    /// The texts of the profile.
    pub texts: ProfileTexts,
    encoder: Encoder,
}

/// The embedded prompts of a profile.
#[derive(Clone, Debug)]
pub struct ProfileTexts {
    /// The background and the K classes, in the joint space, of unit length: `[K + 1, d]`.
    pub labels: Tensor<2>,
    /// (1/M) Σ_m t_{k,m}, in the joint space: `[K, d]`.
    pub causal: Tensor<2>,
    /// The confounders, for the dictionary: `[M, text width]`.
    pub confounders: Tensor<2>,
}

/// The file that the encoder comes from.
#[derive(Clone)]
enum Encoder {
    Clip(ClipCheckpoint),
    Lite(LiteCheckpoint),
}

impl Foundation {
    /// A CLIP: its text encoder gives the texts of both spaces.
    ///
    /// # Errors
    /// If the checkpoint lacks a tensor; see [`ClipCheckpoint::init`].
    pub fn from_clip(checkpoint: &ClipCheckpoint, profile: &Profile) -> Result<Self> {
        let clip = checkpoint.init(&Device::flex())?;
        let tokenizer = ClipTokenizer::new();
        let vision = checkpoint.config.vision.clone();
        Ok(Self {
            preprocess: Preprocess::clip(vision.image_size()),
            vision,
            texts: ProfileTexts::new(profile, |texts| tokenizer.embed(&clip, texts)),
            encoder: Encoder::Clip(checkpoint.clone()),
        })
    }

    /// EfficientNet-Lite and a sentence encoder. The joint space is that of the sentences. Training learns the projection of
    /// the image features into it.
    ///
    /// # Errors
    /// If a checkpoint lacks a tensor; see [`SentenceCheckpoint::init`].
    pub fn from_pretrained(
        lite: &LiteCheckpoint,
        sentences: &SentenceCheckpoint,
        profile: &Profile,
    ) -> Result<Self> {
        let encoder = sentences.init(&Device::flex())?;
        let config = EfficientNetLiteConfig::new()
            .with_version(lite.version)
            .with_embed_dim(sentences.config.width);
        let vision = ClipVisionEncoderConfig::Lite(config);
        Ok(Self {
            preprocess: Preprocess::lite(vision.image_size()),
            vision,
            texts: ProfileTexts::new(profile, |texts| sentences.embed(&encoder, texts)),
            encoder: Encoder::Lite(lite.clone()),
        })
    }

    /// The encoder with its pre-trained weights. What has none is random.
    pub(crate) fn visual(&self) -> Result<ClipVisionEncoder> {
        let device = Device::flex();
        match &self.encoder {
            Encoder::Clip(checkpoint) => Ok(checkpoint.init(&device)?.visual),
            Encoder::Lite(checkpoint) => {
                let ClipVisionEncoder::Lite(mut lite) = self.vision.init(&device) else {
                    unreachable!("the configuration was made for it");
                };
                lite.encoder = checkpoint.init(&device)?;
                Ok(ClipVisionEncoder::Lite(lite))
            }
        }
    }
}

impl ProfileTexts {
    /// Embeds the profile's prompts.
    fn new(profile: &Profile, embed: impl Fn(&[String]) -> Tensor<2>) -> Self {
        let causal = (0..profile.classes.len())
            .map(|class| l2_normalize(embed(&profile.causal_prompts(class))).mean_dim(0));
        Self {
            causal: Tensor::cat(causal.collect(), 0).detach(),
            labels: l2_normalize(embed(&profile.label_prompts())).detach(),
            confounders: embed(&profile.confounder_prompts()).detach(),
        }
    }

    /// The K classes: `[K, d]`.
    pub fn classes(&self) -> Tensor<2> {
        let [labels, _] = self.labels.dims();
        self.labels.clone().narrow(0, 1, labels - 1)
    }

    /// The same texts on another device.
    pub fn on(&self, device: &Device) -> Self {
        let moved = |texts: &Tensor<2>| Tensor::from_data(texts.clone().into_data(), device);
        Self {
            labels: moved(&self.labels),
            causal: moved(&self.causal),
            confounders: moved(&self.confounders),
        }
    }
}
