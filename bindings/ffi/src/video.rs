//! Frames of a video: while one is being segmented, only the newest of those that follow waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::answer::Segmentation;
use crate::error::{Result, SegmenterError};
use crate::image::Image;
use crate::reply::{Answer, Reply};
use crate::worker::{Worker, guarded};

/// What was found in a frame; nothing if it gave way to a newer one.
pub(crate) type Found = Option<Arc<Segmentation>>;

/// The frame that waits, and when the last one was.
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
    /// Lets a frame wait for `worker`; the one that waited so far gives way to it and is answered with nothing.
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
                "the timestamp {timestamp} is not after the last frame's, {last}: they grow as long as the segmenter \
                 lives, from one video to the next"
            );
            return Err(SegmenterError::Input(text));
        }
        state.last = Some(timestamp);
        match state.waits.replace(Waiting { frame, reply }) {
            // The worker has been told that a frame waits. Who waited for the older one may go on in this very call, and
            // come back here: not with the lock held.
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

    /// Forgets the frame that waits: who waits for it hears [`SegmenterError::Closed`].
    pub(crate) fn clear(&self) {
        let forgotten = lock(&self.state).waits.take();
        // As in `offer`.
        drop(forgotten);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
