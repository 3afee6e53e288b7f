//! Encoders on disk: CLIP as a safetensors file or as a folder of Hugging Face, sentence encoders as such a folder.

use std::path::Path;

use burn::tensor::Tensor;
use futures_lite::future::block_on;
use mcdrl::Image;
use mcdrl::clip::{
    AlignedCheckpoint, AlignedClip, Clip, ClipCheckpoint, ClipTokenizer, DenseFeatures, Preprocess,
    SentenceCheckpoint,
};

use crate::error::{Failure, Outcome};
use crate::foundation_source::lite_device;
use crate::output::{Common, tell_fallback};

/// A CLIP on disk.
pub enum ClipFile {
    /// Both encoders were trained together.
    Clip(Box<ClipCheckpoint>),
    /// Two encoders were aligned by `mcdrl pretrain --vision`.
    Aligned(Box<AlignedCheckpoint>),
}

/// Reads the checkpoint at `path`.
pub fn read_clip(path: &Path) -> Outcome<ClipFile> {
    let (file, folder) = if path.is_dir() {
        (path.join("model.safetensors"), Some(path))
    } else {
        (path.to_owned(), path.parent())
    };
    let bytes = std::fs::read(&file).map_err(Failure::io(&file))?;
    if let Some(aligned) =
        AlignedCheckpoint::from_safetensors(&bytes).map_err(Failure::file(&file))?
    {
        return Ok(ClipFile::Aligned(Box::new(aligned)));
    }
    let config = folder.map(|folder| folder.join("config.json")).filter(|path| path.is_file());
    let config = match &config {
        Some(path) => Some(std::fs::read_to_string(path).map_err(Failure::io(path))?),
        None => None,
    };
    let clip = ClipCheckpoint::from_safetensors(&bytes, config.as_deref());
    Ok(ClipFile::Clip(Box::new(clip.map_err(Failure::file(&file))?)))
}

/// Reads a sentence encoder: a folder with `config.json`, `tokenizer.json` and `model.safetensors`.
pub fn read_sentence_encoder(folder: &Path) -> Outcome<SentenceCheckpoint> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(Failure::io(&path))
    };
    let (config, tokenizer) = (read("config.json")?, read("tokenizer.json")?);
    let weights = read("model.safetensors")?;
    let config = String::from_utf8_lossy(&config);
    SentenceCheckpoint::from_files(&config, &tokenizer, &weights).map_err(Failure::file(folder))
}

/// A [`ClipFile`] on the chosen device.
pub enum OpenedClip {
    Clip(Box<ClipCheckpoint>, Box<Clip>),
    Aligned(Box<AlignedCheckpoint>, Box<AlignedClip>),
}

impl OpenedClip {
    /// Reads a checkpoint and loads it.
    pub fn open(path: &Path, common: &Common) -> Outcome<Self> {
        Ok(match read_clip(path)? {
            ClipFile::Aligned(aligned) => {
                let device = lite_device(path, &aligned.lite, common)?;
                let clip = aligned.init(&device).map_err(Failure::file(path))?;
                Self::Aligned(aligned, Box::new(clip))
            }
            ClipFile::Clip(checkpoint) => {
                let clip = open_clip(path, &checkpoint, common)?;
                Self::Clip(checkpoint, Box::new(clip))
            }
        })
    }

    /// An image in the joint space, not normalised: `[1, d]`.
    pub fn image(&self, image: &Image) -> Tensor<2> {
        match self {
            Self::Clip(checkpoint, clip) => {
                let preprocess = Preprocess::clip(checkpoint.config.vision.image_size());
                let device = clip.logit_scale.val().device();
                let pixels = preprocess.batch(&[image], &device);
                clip.visual.forward(pixels, DenseFeatures::ValuePath).pooled
            }
            Self::Aligned(checkpoint, clip) => {
                let preprocess = Preprocess::lite(checkpoint.vision().image_size);
                let pixels = preprocess.batch(&[image], &clip.alignment.device());
                clip.visual.forward(pixels).pooled
            }
        }
    }

    /// Texts in the joint space, not normalised: `[texts, d]`.
    pub fn texts(&self, texts: &[String]) -> Tensor<2> {
        match self {
            Self::Clip(_, clip) => ClipTokenizer::new().embed(clip, texts),
            Self::Aligned(checkpoint, clip) => checkpoint.embed(clip, texts),
        }
    }

    /// The token ids of a text.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        match self {
            Self::Clip(..) => {
                ClipTokenizer::new().encode(text).iter().map(|token| *token as u32).collect()
            }
            Self::Aligned(checkpoint, _) => checkpoint.sentences.encode(text),
        }
    }
}

/// Loads a checkpoint onto the chosen device.
pub fn open_clip(path: &Path, checkpoint: &ClipCheckpoint, common: &Common) -> Outcome<Clip> {
    let opened = block_on(checkpoint.open(common.open_options()));
    let (clip, device) = opened.map_err(Failure::file(path))?;
    tell_fallback(&device);
    Ok(clip)
}
