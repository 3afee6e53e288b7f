//! Encoders on disk: CLIP as a safetensors file or as a folder of Hugging Face, sentence encoders as such a folder.

use std::path::Path;

use futures_lite::future::block_on;
use mcdrl::clip::{AlignedCheckpoint, Clip, ClipCheckpoint, SentenceCheckpoint};

use crate::error::{Failure, Outcome};
use crate::output::{Common, tell_fallback};

/// Reads the checkpoint at `path`.
pub fn read_clip(path: &Path) -> Outcome<ClipCheckpoint> {
    let (file, folder) = if path.is_dir() {
        (path.join("model.safetensors"), Some(path))
    } else {
        (path.to_owned(), path.parent())
    };
    let bytes = std::fs::read(&file).map_err(Failure::io(&file))?;
    let config = folder.map(|folder| folder.join("config.json")).filter(|path| path.is_file());
    let config = match &config {
        Some(path) => Some(std::fs::read_to_string(path).map_err(Failure::io(path))?),
        None => None,
    };
    ClipCheckpoint::from_safetensors(&bytes, config.as_deref()).map_err(Failure::file(&file))
}

/// Reads the aligned CLIP at `path`, which `mcdrl pretrain --vision` writes; `None` if it is another checkpoint.
pub fn read_aligned(path: &Path) -> Outcome<Option<AlignedCheckpoint>> {
    if path.is_dir() {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(Failure::io(path))?;
    AlignedCheckpoint::from_safetensors(&bytes).map_err(Failure::file(path))
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

/// Loads a checkpoint onto the chosen device.
pub fn open_clip(path: &Path, checkpoint: &ClipCheckpoint, common: &Common) -> Outcome<Clip> {
    let opened = block_on(checkpoint.open(common.open_options()));
    let (clip, device) = opened.map_err(Failure::file(path))?;
    tell_fallback(&device);
    Ok(clip)
}
