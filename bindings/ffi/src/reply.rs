//! Carries an answer to the waiting caller. The worker or a cancellation sends it once.

use std::sync::{Arc, Mutex, PoisonError};

use crate::cancellation::{Cancel, Cancellation};
use crate::error::{Result, SegmenterError};

/// The sending end.
pub(crate) struct Reply<T>(Arc<Mutex<Option<oneshot::Sender<Result<T>>>>>);

/// The waiting end.
pub(crate) struct Answer<T>(oneshot::Receiver<Result<T>>);

/// Creates both ends of an answer. `cancellation` answers with [`SegmenterError::Cancelled`].
pub(crate) fn reply<T: Send + 'static>(
    cancellation: &Cancellation,
) -> Result<(Reply<T>, Answer<T>)> {
    let (sender, receiver) = oneshot::channel();
    let reply = Reply(Arc::new(Mutex::new(Some(sender))));
    let target: Arc<dyn Cancel> = reply.0.clone();
    cancellation.watch(&target)?;
    Ok((reply, Answer(receiver)))
}

impl<T> Reply<T> {
    /// Sends the answer, unless a cancellation has answered.
    pub(crate) fn send(self, result: Result<T>) {
        if let Some(sender) = take(&self.0) {
            // The caller may have given up.
            let _ = sender.send(result);
        }
    }

    /// Whether the caller still waits.
    pub(crate) fn is_wanted(&self) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().is_some_and(|sender| !sender.is_closed())
    }
}

impl<T> Answer<T> {
    /// Waits and blocks the thread.
    pub(crate) fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or(Err(SegmenterError::Closed))
    }

    /// Waits as a future. A dropped future tells the worker that nobody waits.
    pub(crate) async fn later(self) -> Result<T> {
        // A worker that ends drops its waiting jobs.
        self.0.await.unwrap_or(Err(SegmenterError::Closed))
    }
}

impl<T: Send> Cancel for Mutex<Option<oneshot::Sender<Result<T>>>> {
    fn cancel(&self) {
        if let Some(sender) = take(self) {
            let _ = sender.send(Err(SegmenterError::Cancelled));
        }
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}
