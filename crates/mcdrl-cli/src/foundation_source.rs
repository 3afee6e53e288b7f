//! The pre-trained encoders that training starts from: a CLIP, or EfficientNet-Lite with a sentence encoder.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::Args;
use futures_lite::future::block_on;
use mcdrl::clip::{AlignedCheckpoint, ClipCheckpoint, LiteCheckpoint, SentenceCheckpoint};
use mcdrl::train::Foundation;
use mcdrl::{Model, Profile, Segmenter};

use crate::clip_source::{ClipFile, open_clip, read_clip, read_sentence_encoder};
use crate::error::{Failure, Outcome};
use crate::output::{Common, tell_fallback};

/// The options that name the files.
#[derive(Args)]
pub struct EncoderPaths {
    /// A CLIP checkpoint: a safetensors file, also one of `mcdrl pretrain`, or a Hugging Face folder.
    #[arg(long, conflicts_with_all = ["vision", "text_encoder", "from"])]
    pub clip: Option<PathBuf>,
    /// EfficientNet-Lite: a PyTorch state dict (.pth).
    #[arg(long, requires = "text_encoder")]
    pub vision: Option<PathBuf>,
    /// A sentence encoder: a folder with config.json, tokenizer.json and model.safetensors.
    #[arg(long, requires = "vision")]
    pub text_encoder: Option<PathBuf>,
    /// A model file whose training continues.
    #[arg(long, conflicts_with_all = ["vision", "text_encoder"])]
    pub from: Option<PathBuf>,
}

/// The files.
pub enum Encoders {
    Clip(PathBuf, ClipCheckpoint),
    Aligned(PathBuf, Box<AlignedCheckpoint>),
    Pretrained(PathBuf, LiteCheckpoint, Box<SentenceCheckpoint>),
    Model(PathBuf, Vec<u8>),
}

impl EncoderPaths {
    /// Reads the files; `None` if none is named.
    pub fn read(&self) -> Outcome<Option<Encoders>> {
        match (&self.clip, &self.vision, &self.text_encoder) {
            (Some(path), _, _) => Ok(Some(match read_clip(path)? {
                ClipFile::Aligned(aligned) => Encoders::Aligned(path.clone(), aligned),
                ClipFile::Clip(clip) => Encoders::Clip(path.clone(), *clip),
            })),
            (None, Some(vision), Some(text)) => {
                let lite =
                    LiteCheckpoint::from_state_dict(vision).map_err(Failure::file(vision))?;
                Ok(Some(Encoders::Pretrained(
                    vision.clone(),
                    lite,
                    Box::new(read_sentence_encoder(text)?),
                )))
            }
            _ => match &self.from {
                Some(path) => {
                    let bytes = std::fs::read(path).map_err(Failure::io(path))?;
                    Ok(Some(Encoders::Model(path.clone(), bytes)))
                }
                None => Ok(None),
            },
        }
    }
}

impl Encoders {
    /// The encoder and the embedded prompts of a profile.
    pub fn foundation(&self, profile: &Profile) -> Outcome<Foundation> {
        match self {
            Self::Clip(path, clip) => {
                Foundation::from_clip(clip, profile).map_err(Failure::file(path))
            }
            Self::Aligned(path, aligned) => {
                Foundation::from_aligned(aligned, profile).map_err(Failure::file(path))
            }
            Self::Pretrained(path, lite, sentences) => {
                Foundation::from_pretrained(lite, sentences, profile).map_err(Failure::file(path))
            }
            Self::Model(path, bytes) => {
                let model =
                    Model::from_bytes(bytes, &Device::flex()).map_err(Failure::file(path))?;
                Foundation::from_model(model, profile).map_err(Failure::file(path))
            }
        }
    }

    /// Opens the chosen device for training and checks that the visual encoder runs on it.
    pub fn training_device(&self, common: &Common) -> Outcome<Device> {
        match self {
            Self::Clip(path, clip) => Ok(open_clip(path, clip, common)?.logit_scale.val().device()),
            Self::Aligned(path, aligned) => lite_device(path, &aligned.lite, common),
            Self::Pretrained(path, lite, _) => lite_device(path, lite, common),
            Self::Model(path, bytes) => {
                let opened = block_on(Segmenter::open(bytes, common.open_options()));
                let segmenter = opened.map_err(Failure::file(path))?;
                tell_fallback(segmenter.device());
                Ok(segmenter.model().network.device())
            }
        }
    }
}

/// Opens the chosen device for an EfficientNet-Lite and checks that it runs there.
pub fn lite_device(path: &Path, lite: &LiteCheckpoint, common: &Common) -> Outcome<Device> {
    let opened = block_on(lite.open(common.open_options()));
    let (encoder, device) = opened.map_err(Failure::file(path))?;
    tell_fallback(&device);
    Ok(encoder.device())
}
