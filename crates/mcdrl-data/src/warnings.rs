//! Remarks that do not stop the work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Remarks about a data set. All clones share them, so that every thread that loads images can add to them.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<Mutex<BTreeMap<String, usize>>>);

impl Warnings {
    /// Adds a remark. Equal ones are counted.
    pub(crate) fn add(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(text).or_default() += 1;
    }

    /// Takes the remarks, each once and with its count if it was made more than once.
    pub fn take(&self) -> Vec<String> {
        let remarks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let told = |(text, count): (String, usize)| match count {
            1 => text,
            _ => format!("{text} ({count} times)"),
        };
        remarks.into_iter().map(told).collect()
    }
}
