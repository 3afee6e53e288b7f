//! What a killed run goes on from.
//!
//! Each epoch writes its files under names of their own and then, by one rename, the pointer to them: at any
//! moment the folder has one whole checkpoint.

use std::fs;
use std::path::{Path, PathBuf};

use mcdrl_model::{Precision, Weights};
use serde::{Deserialize, Serialize};

use crate::config::TrainConfig;
use crate::train::EpochRecord;
use crate::{Error, Result};

/// The files of a checkpoint.
const PARTS: [&str; 4] = ["network", "average", "best", "optimizer"];

/// The pointer file.
const POINTER: &str = "checkpoint.json";

/// The state of a run after an epoch.
pub struct Checkpoint {
    /// What the run was configured with and how it went so far.
    pub state: RunState,
    /// The network's weights.
    pub network: Weights,
    /// The averaged weights.
    pub average: Weights,
    /// The averaged weights of the best epoch.
    pub best: Weights,
    /// The optimizer's moments.
    pub optimizer: Weights,
}

/// The part of a checkpoint that is readable text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunState {
    /// The configuration; a run is only gone on with under the same.
    pub config: TrainConfig,
    /// Names the training and validation samples; a run is only gone on with over the same.
    pub data: String,
    /// SHA-256 of the weights that the run started from, in which the CLIP, the profile's prompts and the seed show.
    pub start: String,
    /// One record an epoch done.
    pub history: Vec<EpochRecord>,
    /// Optimizer steps done.
    pub steps: usize,
}

impl RunState {
    /// The best epoch so far. Once the intervention has joined, epochs before it do not count: their weights
    /// are those of another network.
    ///
    /// Without any validation the last epoch is the best.
    pub fn best(&self) -> Option<&EpochRecord> {
        if self.history.iter().all(|record| record.validation_dice.is_none()) {
            return self.history.last();
        }
        let joined = if self.config.intervene { self.config.warm_up } else { 0 };
        let first = if self.history.len() > joined { joined } else { 0 };
        // Of equals the earliest.
        self.history[first..].iter().reduce(|best, record| {
            if record.validation_dice > best.validation_dice { record } else { best }
        })
    }
}

impl Checkpoint {
    /// Writes the checkpoint of an epoch and removes the one before.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let epoch = self.state.history.len();
        for (name, weights) in PARTS.into_iter().zip(self.parts()) {
            let bytes = weights.to_safetensors(Precision::Full);
            write_whole(&part(folder, epoch, name), &bytes)?;
        }
        let state = serde_json::to_string_pretty(&self.state).expect("a state is plain data");
        write_whole(&folder.join(POINTER), state.as_bytes())?;
        if epoch > 1 {
            remove(folder, epoch - 1);
        }
        Ok(())
    }

    /// Reads the last whole checkpoint; `None` if the run had not finished an epoch.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a folder that was changed by hand.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let pointer = folder.join(POINTER);
        if !pointer.is_file() {
            return Ok(None);
        }
        let damaged = |problem: String| Error::Checkpoint { path: folder.into(), problem };
        let text = fs::read_to_string(&pointer).map_err(Error::io(&pointer))?;
        let state: RunState = serde_json::from_str(&text)
            .map_err(|e| damaged(format!("{POINTER} cannot be read: {e}")))?;
        let epoch = state.history.len();
        let weights = |name: &str| -> Result<Weights> {
            let path = part(folder, epoch, name);
            let bytes = fs::read(&path).map_err(Error::io(&path))?;
            Ok(Weights::from_safetensors(&bytes)?)
        };
        Ok(Some(Self {
            network: weights("network")?,
            average: weights("average")?,
            best: weights("best")?,
            optimizer: weights("optimizer")?,
            state,
        }))
    }

    fn parts(&self) -> [&Weights; 4] {
        [&self.network, &self.average, &self.best, &self.optimizer]
    }
}

/// Removes what only an unfinished run needs: the pointer first, so that it never points at nothing.
pub fn clear(folder: &Path) {
    // A file that cannot be removed does no harm.
    let _ = fs::remove_file(folder.join(POINTER));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.file_name().is_some_and(|name| is_part(&name.to_string_lossy())) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether a file's name is one that [`part`] gives, or that of a part cut off in its writing.
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

/// Writes a file aside and renames it, so that it is whole or not there.
///
/// # Errors
/// [`Error::Io`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    fs::write(&aside, bytes).map_err(Error::io(&aside))?;
    fs::rename(&aside, path).map_err(Error::io(path))
}

fn part(folder: &Path, epoch: usize, name: &str) -> PathBuf {
    folder.join(format!("checkpoint-{epoch:04}.{name}.safetensors"))
}

fn remove(folder: &Path, epoch: usize) {
    for name in PARTS {
        let _ = fs::remove_file(part(folder, epoch, name));
    }
}
