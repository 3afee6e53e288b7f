//! Frames with and without a lesion.

use serde::{Deserialize, Serialize};

/// Counts of frames: lesion present or absent, predicted or not.
///
/// Overlap metrics skip frames without a lesion. These counts show the false alarms on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detection {
    /// Frames with a lesion and with a predicted one.
    pub true_positive: u64,
    /// Frames without a lesion but with a predicted one.
    pub false_positive: u64,
    /// Frames without a lesion and without a predicted one.
    pub true_negative: u64,
    /// Frames with a lesion but without a predicted one.
    pub false_negative: u64,
}

impl Detection {
    /// Counts a frame. The position of the predicted lesion does not matter.
    pub fn add(&mut self, predicted: bool, present: bool) {
        let count = match (predicted, present) {
            (true, true) => &mut self.true_positive,
            (true, false) => &mut self.false_positive,
            (false, false) => &mut self.true_negative,
            (false, true) => &mut self.false_negative,
        };
        *count += 1;
    }

    /// TP / (TP + FP); `None` when no lesion was predicted.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_positive, self.false_positive)
    }

    /// TP / (TP + FN), also called sensitivity; `None` when no frame has a lesion.
    pub fn recall(&self) -> Option<f64> {
        share(self.true_positive, self.false_negative)
    }

    /// TN / (TN + FP); `None` when every frame has a lesion.
    pub fn specificity(&self) -> Option<f64> {
        share(self.true_negative, self.false_positive)
    }
}

fn share(part: u64, rest: u64) -> Option<f64> {
    (part + rest > 0).then(|| part as f64 / (part + rest) as f64)
}
