//! The thread of a segmenter. The model lives there and segments one image after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle, ThreadId};

use crate::bench::{About, Bench};
use crate::error::{Result, SegmenterError};
use crate::options::{CreationListener, ModelSource, SegmenterOptions};
use crate::panics::guarded;
use crate::reply::Reply;

/// The callers' end of the worker.
pub(crate) struct Worker {
    open: Mutex<Option<Open>>,
}

struct Open {
    jobs: Sender<Job>,
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    /// The pool's thread on which images are segmented. Callers' continuations may run there too.
    works_on: Arc<OnceLock<ThreadId>>,
}

type Job = Box<dyn FnOnce(&Bench) + Send>;

impl Worker {
    /// Starts the thread. It opens the model and answers in `reply`.
    pub(crate) fn start(
        model: ModelSource,
        options: SegmenterOptions,
        listener: Option<Arc<dyn CreationListener>>,
        reply: Reply<About>,
    ) -> Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        let closing = Arc::new(AtomicBool::new(false));
        let works_on = Arc::new(OnceLock::new());
        let (closes, works) = (closing.clone(), works_on.clone());
        let body = move || {
            let bench = match guarded(|| Bench::open(model, &options, listener)) {
                Ok(bench) => bench,
                Err(error) => return reply.send(Err(error)),
            };
            reply.send(Ok(bench.about()));
            // This runs on a thread of the pool, so images do not move between threads. At the end, waiting jobs and their
            // replies are dropped with the channel.
            bench.pool().install(|| {
                let _ = works.set(std::thread::current().id());
                for job in waiting {
                    if closes.load(Ordering::Acquire) {
                        break;
                    }
                    job(&bench);
                }
            });
        };
        let thread =
            Builder::new().name("mcdrl".into()).spawn(body).map_err(SegmenterError::no_thread)?;
        Ok(Self { open: Mutex::new(Some(Open { jobs, closing, thread, works_on })) })
    }

    /// Queues `work` and sends its result. Work is skipped if nobody waits for it any more.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        reply: Reply<T>,
        work: impl FnOnce(&Bench) -> Result<T> + Send + 'static,
    ) -> Result<()> {
        self.post(move |bench| {
            if reply.is_wanted() {
                reply.send(guarded(|| work(bench)));
            }
        })
    }

    /// As [`Self::ask`], for a job that answers by itself.
    pub(crate) fn post(&self, job: impl FnOnce(&Bench) + Send + 'static) -> Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(SegmenterError::Closed)?;
        open.jobs.send(Box::new(job)).map_err(|_| SegmenterError::Closed)
    }

    /// Ends the thread after the current image. Waiting callers get [`SegmenterError::Closed`]. The model's memory is free
    /// when this returns.
    pub(crate) fn close(&self) -> Result<()> {
        let Open { jobs, thread, works_on, .. } = self.end().ok_or(SegmenterError::Closed)?;
        // This ends the thread's loop.
        drop(jobs);
        // A callback of the segmenter may close it. Its thread cannot wait for itself.
        let here = std::thread::current().id();
        if thread.thread().id() != here && works_on.get() != Some(&here) {
            let _ = thread.join();
        }
        Ok(())
    }

    /// Tells the thread to end. `None` if it was told already.
    fn end(&self) -> Option<Open> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        open.closing.store(true, Ordering::Release);
        Some(open)
    }
}

impl Drop for Worker {
    /// Does not wait: garbage collectors and cancelled callers must not block.
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancellation::Cancellation;
    use crate::options::Device;
    use crate::reply::reply;

    #[test]
    fn a_panic_becomes_an_error_and_the_next_job_runs() {
        let model =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/mcdrl/assets/demo.safetensors");
        let never = Cancellation::new();
        let (opened, about) = reply(&never).unwrap();
        let options =
            SegmenterOptions { device: Device::Cpu, threads: Some(1), ..Default::default() };
        let model = ModelSource::Path { path: model.into() };
        let worker = Worker::start(model, options, None, opened).unwrap();
        about.wait().unwrap();
        for text in ["a text", "a formatted text"] {
            let (sent, answer) = reply::<()>(&never).unwrap();
            worker
                .ask(
                    sent,
                    move |_| if text == "a text" { panic!("a text") } else { panic!("{text}") },
                )
                .unwrap();
            assert_eq!(answer.wait(), Err(SegmenterError::Internal(text.into())));
        }
        let (sent, answer) = reply(&never).unwrap();
        worker.ask(sent, |bench| Ok(bench.about().device)).unwrap();
        assert_eq!(answer.wait(), Ok("cpu"));
        worker.close().unwrap();
    }
}
