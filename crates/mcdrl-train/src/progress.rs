//! The progress of a run.

use std::io::Write;
use std::time::Instant;

use crate::history::EpochRecord;

/// Hears about the progress of a run.
pub trait Progress: Send {
    /// A step of an epoch is done. Both are counted from one.
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f32);
    /// An epoch is done.
    fn epoch(&mut self, record: &EpochRecord, epochs: usize);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f32) {}
    fn epoch(&mut self, _record: &EpochRecord, _epochs: usize) {}
}

/// Writes one line an epoch to standard error.
pub struct Lines {
    started: Instant,
}

impl Default for Lines {
    fn default() -> Self {
        Self { started: Instant::now() }
    }
}

impl Progress for Lines {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f32) {}

    fn epoch(&mut self, record: &EpochRecord, epochs: usize) {
        let EpochRecord { epoch, loss, segmentation, validation_dice, .. } = record;
        self.say(&format!(
            "epoch {epoch:>3}/{epochs}  loss {loss:.4}  segmentation {segmentation:.4}  \
             validation dice {}  {:.0} s",
            validation_dice.map_or("–".into(), |dice| format!("{dice:.4}")),
            self.started.elapsed().as_secs_f32()
        ));
    }
}

impl Lines {
    fn say(&self, line: &str) {
        // The run goes on if nobody reads any more.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
