//! Cancellation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::{Result, SegmenterError};

/// Something that can be cancelled.
pub(crate) trait Cancel: Send + Sync {
    fn cancel(&self);
}

/// Cancels every call that it was passed to. The waiting caller gets [`SegmenterError::Cancelled`] at once. The current image is
/// finished on the segmenter's own thread; waiting images are never begun.
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
    /// A cancellation that has not been used.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Cancels all calls that it was and will be passed to.
    pub fn cancel(&self) {
        let watched = {
            let mut state = self.state();
            state.cancelled = true;
            std::mem::take(&mut state.watched)
        };
        watched.iter().filter_map(Weak::upgrade).for_each(|target| target.cancel());
    }

    /// Whether it was used.
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
        // A long-lived cancellation must not collect ended calls.
        state.watched.retain(|target| target.strong_count() > 0);
        state.watched.push(Arc::downgrade(target));
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
