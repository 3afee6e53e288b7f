//! CLIP checkpoints on disk: a safetensors file, or a folder with `model.safetensors` and `config.json`.

use std::path::Path;

use futures_lite::future::block_on;
use mcdrl::clip::{Clip, ClipCheckpoint};

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

/// Loads a checkpoint onto the chosen device.
pub fn open_clip(path: &Path, checkpoint: &ClipCheckpoint, common: &Common) -> Outcome<Clip> {
    let opened = block_on(checkpoint.open(common.open_options()));
    let (clip, device) = opened.map_err(Failure::file(path))?;
    tell_fallback(&device);
    Ok(clip)
}
