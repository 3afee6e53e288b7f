//! The start of training: a pre-trained visual encoder, and the embeddings of the profile's prompts.

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};
use mcdrl_model::clip::{ClipVisionEncoder, ClipVisionEncoderConfig, EfficientNetLiteConfig};
use mcdrl_model::{ConfounderDictionary, l2_normalize};
use mcdrl_runtime::{
    AlignedCheckpoint, ClipCheckpoint, ClipTokenizer, LiteCheckpoint, Model, Precision, Preprocess,
    Profile, SentenceCheckpoint, Weights,
};

use crate::config::{ModelConfig, TrainConfig};
use crate::{Error, Result};

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
    /// (1/M) Σ_m t_{k,m}, in the joint space: `[K, d]`. A trained model does not keep them.
    pub causal: Option<Tensor<2>>,
    /// The dictionary of the confounders.
    pub dictionary: ConfounderDictionary,
}

/// The file that the encoder comes from.
#[derive(Clone)]
enum Encoder {
    Clip(ClipCheckpoint),
    Lite(LiteCheckpoint),
    Aligned(Arc<AlignedCheckpoint>),
    Model(Arc<Model>),
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

    /// Two encoders that are aligned into a small CLIP. The joint space is that of the alignment, so the texts mean something from
    /// the first step on. The dictionary keeps the sentence embeddings.
    ///
    /// # Errors
    /// If the checkpoint lacks a tensor.
    pub fn from_aligned(checkpoint: &AlignedCheckpoint, profile: &Profile) -> Result<Self> {
        let clip = checkpoint.init(&Device::flex())?;
        let vision = ClipVisionEncoderConfig::Lite(checkpoint.vision());
        let mut texts = ProfileTexts::new(profile, |texts| checkpoint.embed(&clip, texts));
        let confounders =
            checkpoint.sentences.embed(&clip.sentences, &profile.confounder_prompts());
        texts.dictionary = ConfounderDictionary::from_texts(confounders);
        Ok(Self {
            preprocess: Preprocess::lite(vision.image_size()),
            vision,
            texts,
            encoder: Encoder::Aligned(Arc::new(checkpoint.clone())),
        })
    }

    /// A trained model, to continue its training with other images of the same classes. All of the network starts from it, and
    /// its confounders stay.
    ///
    /// # Errors
    /// [`Error::Config`] if the model has other classes than the profile.
    pub fn from_model(model: Model, profile: &Profile) -> Result<Self> {
        let theirs = &model.header.profile;
        if theirs.classes != profile.classes {
            return Err(Error::Config(format!(
                "the model knows the classes {}, but the data has {}: name them in `dataset.toml` as the model does",
                theirs.classes.join(", "),
                profile.classes.join(", ")
            )));
        }
        let network = &model.network;
        Ok(Self {
            vision: model.header.architecture.vision.clone(),
            preprocess: model.header.preprocess.clone(),
            texts: ProfileTexts {
                labels: network.label_texts(),
                causal: None,
                dictionary: network.dictionary.clone(),
            },
            encoder: Encoder::Model(Arc::new(model)),
        })
    }

    /// The SHA-256 of the encoder's weights and of the texts, hexadecimal, with spaces between them.
    pub fn sha256(&self) -> String {
        let ProfileTexts { labels, causal, dictionary } = &self.texts;
        let encoder = match &self.encoder {
            Encoder::Clip(checkpoint) => checkpoint.sha256(),
            Encoder::Lite(checkpoint) => checkpoint.sha256(),
            Encoder::Aligned(checkpoint) => checkpoint.sha256(),
            Encoder::Model(model) => model.header.sha256.clone(),
        };
        let mut texts = Weights::of_module(dictionary);
        for (name, tensor) in [("labels", Some(labels)), ("causal", causal.as_ref())] {
            let Some(tensor) = tensor else { continue };
            let values = tensor.clone().into_data_dtype(DType::F32).try_to_vec();
            let values = values.expect("converted to f32 just now");
            texts.insert(name, tensor.dims().to_vec(), values);
        }
        format!("{encoder} {}", texts.sha256(Precision::Full))
    }

    /// The profile to train with: that of the model, or else that of the data.
    pub fn profile<'a>(&'a self, data: &'a Profile) -> &'a Profile {
        self.model().map_or(data, |model| &model.header.profile)
    }

    /// The default configuration. A model keeps its sizes, its input and its run-time settings.
    pub fn defaults(&self) -> TrainConfig {
        let mut config = TrainConfig::for_encoder(&self.vision);
        if let Some(model) = self.model() {
            let architecture = &model.header.architecture;
            config.model = ModelConfig {
                input_size: model.header.preprocess.size,
                used_size: None,
                readout: architecture.readout,
                intervention: architecture.intervention,
                head: architecture.head,
                run: model.run,
            };
        }
        config
    }

    /// The whole model, if there is one.
    pub(crate) fn model(&self) -> Option<&Model> {
        match &self.encoder {
            Encoder::Model(model) => Some(model),
            _ => None,
        }
    }

    /// The encoder with its pre-trained weights. What has none is random.
    pub(crate) fn visual(&self) -> Result<ClipVisionEncoder> {
        let device = Device::flex();
        match &self.encoder {
            Encoder::Model(model) => Ok(model.network.visual.clone()),
            Encoder::Clip(checkpoint) => Ok(checkpoint.init(&device)?.visual),
            Encoder::Aligned(checkpoint) => {
                Ok(ClipVisionEncoder::Lite(checkpoint.init(&device)?.visual))
            }
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
            causal: Some(Tensor::cat(causal.collect(), 0).detach()),
            labels: l2_normalize(embed(&profile.label_prompts())).detach(),
            dictionary: ConfounderDictionary::from_texts(embed(&profile.confounder_prompts())),
        }
    }
}
