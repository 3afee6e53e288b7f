//! Frames of a video. While one is segmented, only the newest frame waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Result, SegmenterError};
use crate::image::Image;
use crate::panics::guarded;
use crate::reply::{Answer, Reply};
use crate::segmentation::Segmentation;
use crate::worker::Worker;

/// The result for a frame; `None` if it gave way to a newer one.
pub(crate) type Found = Option<Arc<Segmentation>>;

/// The waiting frame, and the last timestamp.
#[derive(Default)]
pub(crate) struct Video {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: Option<i64>,
    waits: Option<Waiting>,
}

struct Waiting {
    frame: Arc<Image>,
    reply: Reply<Found>,
}

impl Video {
    /// Queues a frame for `worker`. An older waiting frame gives way and is answered with `None`.
    pub(crate) fn offer(
        &self,
        worker: &Worker,
        frame: Arc<Image>,
        timestamp: i64,
        (reply, answer): (Reply<Found>, Answer<Found>),
    ) -> Result<Answer<Found>> {
        let mut state = lock(&self.state);
        if let Some(last) = state.last.filter(|last| timestamp <= *last) {
            let text = format!(
                "the timestamp {timestamp} is not larger than the last one, {last}: timestamps must grow as long as the \
                 segmenter lives, also across videos"
            );
            return Err(SegmenterError::Input(text));
        }
        state.last = Some(timestamp);
        match state.waits.replace(Waiting { frame, reply }) {
            // The worker's queue already has a job for the waiting frame. The older frame's caller may resume inside `send`
            // and call `offer` again, so the lock must be free.
            Some(older) => {
                drop(state);
                older.reply.send(Ok(None));
            }
            None => {
                let shared = self.state.clone();
                let posted = worker.post(move |bench| {
                    let Some(Waiting { frame, reply }) = lock(&shared).waits.take() else { return };
                    if reply.is_wanted() {
                        reply.send(guarded(|| bench.segment(&frame).map(Some)));
                    }
                });
                if posted.is_err() {
                    state.waits = None;
                    posted?;
                }
            }
        }
        Ok(answer)
    }

    /// Drops the waiting frame. Its caller gets [`SegmenterError::Closed`].
    pub(crate) fn clear(&self) {
        let forgotten = lock(&self.state).waits.take();
        // The lock is free here, as in `offer`.
        drop(forgotten);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
