//! Cancellation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::{Result, SegmenterError};

/// Something that can be cancelled.
pub(crate) trait Cancel: Send + Sync {
    fn cancel(&self);
}

/// Cancels every call that it was passed to. The waiting caller gets [`SegmenterError::Cancelled`] at once. The segmenter
/// still finishes the current image on its own thread. It skips waiting images.
#[derive(Default, uniffi::Object)]
pub struct Cancellation {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    watched: Vec<Weak<dyn Cancel>>,
}

#[uniffi::export]
impl Cancellation {
    /// Creates an unused cancellation.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Cancels the calls that it was passed to, and the calls that it will be passed to.
    pub fn cancel(&self) {
        let watched = {
            let mut state = self.state();
            state.cancelled = true;
            std::mem::take(&mut state.watched)
        };
        watched.iter().filter_map(Weak::upgrade).for_each(|target| target.cancel());
    }

    /// Whether [`Self::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }
}

impl Cancellation {
    pub(crate) fn watch(&self, target: &Arc<dyn Cancel>) -> Result<()> {
        let mut state = self.state();
        if state.cancelled {
            return Err(SegmenterError::Cancelled);
        }
        // A long-lived cancellation must not accumulate ended calls.
        state.watched.retain(|target| target.strong_count() > 0);
        state.watched.push(Arc::downgrade(target));
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
