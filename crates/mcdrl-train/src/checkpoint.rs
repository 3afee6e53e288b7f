//! Checkpoints: an interrupted run resumes exactly.
//!
//! Each epoch writes its files under new names. Then one rename replaces the file that points to them. So the folder always
//! has one complete checkpoint.

use std::fs;
use std::path::{Path, PathBuf};

use mcdrl_data::write_atomic;
use mcdrl_runtime::{Precision, Weights};

use crate::history::RunState;
use crate::{Error, Result};

/// The files of a checkpoint.
const PARTS: [&str; 4] = ["network", "ema", "best", "optimizer"];

/// The file that points to the last checkpoint.
const POINTER: &str = "checkpoint.json";

/// The state of a run after an epoch.
pub struct Checkpoint {
    /// The configuration and the history.
    pub state: RunState,
    /// The network's weights.
    pub network: Weights,
    /// The moving average of the weights.
    pub ema: Weights,
    /// The moving average at the best epoch.
    pub best: Weights,
    /// The optimizer's moments.
    pub optimizer: Weights,
}

impl Checkpoint {
    /// Writes the checkpoint of an epoch and removes the previous one.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let epoch = self.state.history.len();
        for (name, weights) in PARTS.into_iter().zip(self.parts()) {
            let bytes = weights.to_safetensors(Precision::Full);
            write_atomic(&part(folder, epoch, name), &bytes)?;
        }
        let state = serde_json::to_string_pretty(&self.state).expect("a state is plain data");
        write_atomic(&folder.join(POINTER), state.as_bytes())?;
        if epoch > 1 {
            remove(folder, epoch - 1);
        }
        Ok(())
    }

    /// Reads the last checkpoint; `None` if no epoch was finished.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a damaged folder.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let pointer = folder.join(POINTER);
        if !pointer.is_file() {
            return Ok(None);
        }
        let damaged = |problem: String| Error::Checkpoint { path: folder.into(), problem };
        let text = fs::read_to_string(&pointer).map_err(Error::io(&pointer))?;
        let state: RunState = serde_json::from_str(&text).map_err(|e| {
            damaged(format!("{POINTER} cannot be read or has another version: {e}"))
        })?;
        let epoch = state.history.len();
        let weights = |name: &str| -> Result<Weights> {
            let path = part(folder, epoch, name);
            let bytes = fs::read(&path).map_err(Error::io(&path))?;
            Ok(Weights::from_safetensors(&bytes)?)
        };
        Ok(Some(Self {
            network: weights("network")?,
            ema: weights("ema")?,
            best: weights("best")?,
            optimizer: weights("optimizer")?,
            state,
        }))
    }

    fn parts(&self) -> [&Weights; 4] {
        [&self.network, &self.ema, &self.best, &self.optimizer]
    }
}

/// Removes the checkpoints of a finished run. The pointer is removed first, so that it never points to missing files.
pub fn remove_checkpoints(folder: &Path) {
    // A file that remains does no harm.
    let _ = fs::remove_file(folder.join(POINTER));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.file_name().is_some_and(|name| is_part(&name.to_string_lossy())) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether a file is a part of a checkpoint, or a part whose write was interrupted.
fn is_part(name: &str) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    let epoch_and_part = name
        .strip_prefix("checkpoint-")
        .and_then(|rest| rest.strip_suffix(".safetensors"))
        .and_then(|rest| rest.split_once('.'));
    epoch_and_part.is_some_and(|(epoch, part)| {
        epoch.len() >= 4 && epoch.bytes().all(|b| b.is_ascii_digit()) && PARTS.contains(&part)
    })
}

fn part(folder: &Path, epoch: usize, name: &str) -> PathBuf {
    folder.join(format!("checkpoint-{epoch:04}.{name}.safetensors"))
}

fn remove(folder: &Path, epoch: usize) {
    for name in PARTS {
        let _ = fs::remove_file(part(folder, epoch, name));
    }
}
