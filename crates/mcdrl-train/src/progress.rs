//! The progress of a run.

use std::io::Write;
use std::time::Instant;

use crate::history::EpochRecord;

/// Receives the progress of a run.
pub trait Progress: Send {
    /// Called after each step of an epoch. Both are counted from one.
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f32);
    /// Called after each epoch.
    fn epoch(&mut self, record: &EpochRecord, epochs: usize);
    /// Called after each epoch in which only the read-out learns.
    fn readout(&mut self, epoch: usize, epochs: usize, loss: f32);
}

/// Ignores the progress.
pub struct Silent;

impl Progress for Silent {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f32) {}
    fn epoch(&mut self, _record: &EpochRecord, _epochs: usize) {}
    fn readout(&mut self, _epoch: usize, _epochs: usize, _loss: f32) {}
}

/// Writes one line per epoch to standard error.
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

    fn readout(&mut self, epoch: usize, epochs: usize, loss: f32) {
        let seconds = self.started.elapsed().as_secs_f32();
        self.say(&format!("read-out {epoch:>3}/{epochs}  loss {loss:.4}  {seconds:.0} s"));
    }
}

impl Lines {
    fn say(&self, line: &str) {
        // A closed standard error must not stop the run.
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}
