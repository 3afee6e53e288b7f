//! The history of a run: one record per epoch, and the choice of the best epoch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::TrainConfig;

/// The record of an epoch. Numbers are means over its steps, weighted by images. They are in single precision, which JSON
/// keeps exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From one.
    pub epoch: usize,
    /// The total loss.
    pub loss: f32,
    /// L_seg.
    pub segmentation: f32,
    /// The other terms before their weights, by their names. Those that are zero are left out.
    #[serde(default)]
    pub terms: BTreeMap<String, f32>,
    /// Mean lesion Dice of the averaged weights over the validation images with a lesion; `None` if there are no such images.
    pub validation_dice: Option<f32>,
}

/// The part of a checkpoint that is readable text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunState {
    /// The configuration. A run is only resumed with the same one.
    pub config: TrainConfig,
    /// The names of the training and validation samples. A run is only resumed with the same ones.
    pub data: String,
    /// SHA-256 of the initial weights. It depends on the encoder, the profile's prompts and the seed.
    pub initial_sha256: String,
    /// One record per finished epoch.
    pub history: Vec<EpochRecord>,
    /// The number of finished optimizer steps.
    pub steps: usize,
}

impl RunState {
    /// The best epoch so far; without validation, the last one. After the start of the intervention, and after the read-out
    /// has learned alone, earlier epochs do not count, because they trained another network.
    pub fn best(&self) -> Option<&EpochRecord> {
        if self.history.iter().all(|record| record.validation_dice.is_none()) {
            return self.history.last();
        }
        let starts = [self.intervention_start(), self.readout_start()];
        let first = starts.into_iter().filter(|start| *start < self.history.len()).max();
        let first = first.unwrap_or(0);
        // The first one of equal epochs.
        self.history[first..].iter().reduce(|best, record| {
            if record.validation_dice > best.validation_dice { record } else { best }
        })
    }

    /// Whether the run has ended: by its number of epochs, or by patience.
    pub fn is_done(&self) -> bool {
        /// Epochs that the intervention needs to settle, in multiples of the epochs before it. Patience starts after them.
        const SETTLING: usize = 1;

        let schedule = &self.config.schedule;
        let done = self.history.len();
        let settled = (1 + SETTLING) * self.intervention_start();
        let best = self.best().map_or(0, |record| record.epoch);
        let validated = self.history.iter().any(|record| record.validation_dice.is_some());
        let impatient = schedule.patience > 0
            && validated
            && done > settled
            && done - best >= schedule.patience;
        done >= schedule.epochs || impatient
    }

    /// Whether the intervention runs in the next epoch.
    pub fn intervenes(&self) -> bool {
        let enabled = self.config.model.run.intervention.enabled;
        enabled && self.history.len() >= self.config.schedule.intervention_start()
    }

    /// The number of epochs after which the read-out learns alone. After that it is frozen.
    pub fn readout_start(&self) -> usize {
        /// The share of the epochs in which everything learns. In the others, all else adapts to the read-out.
        const SHARE: f64 = 0.75;

        let schedule = &self.config.schedule;
        let share = if schedule.readout_epochs > 0 { SHARE } else { 1.0 };
        (share * schedule.epochs as f64).ceil() as usize
    }

    fn intervention_start(&self) -> usize {
        match self.config.model.run.intervention.enabled {
            true => self.config.schedule.intervention_start(),
            false => 0,
        }
    }
}
