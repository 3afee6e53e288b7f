//! Giving up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::{Result, SegmenterError};

/// What can be given up.
pub(crate) trait Cancel: Send + Sync {
    fn cancel(&self);
}

/// Gives up whatever it was handed to: the waiting caller gets [`SegmenterError::Cancelled`] at once. An image that
/// is being segmented is segmented to its end on the segmenter's own thread; those that wait are never begun.
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
    /// One that nobody has used.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Gives up all it was handed to, and all that it will be.
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
        // One that lives long must not remember what has ended.
        state.watched.retain(|target| target.strong_count() > 0);
        state.watched.push(Arc::downgrade(target));
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
