//! The thread of a segmenter: the model lives and dies there, one image after the other.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle, ThreadId};
use std::time::Instant;

use mcdrl_model::{PassedOver, Segmenter};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::answer::Segmentation;
use crate::error::{Result, SegmenterError};
use crate::image::Image;
use crate::log::{LogLevel, log};
use crate::options::{Confounder, CreationListener, Device, ModelSource, SegmenterOptions};
use crate::reply::Reply;

/// The worker's end in the callers' hands.
pub(crate) struct Worker {
    open: Mutex<Option<Open>>,
}

struct Open {
    jobs: Sender<Job>,
    closing: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    /// The thread of the pool on which images are segmented, and callers' continuations may run.
    works_on: Arc<OnceLock<ThreadId>>,
}

type Job = Box<dyn FnOnce(&Bench) + Send>;

/// What the worker works with.
pub(crate) struct Bench {
    segmenter: Segmenter,
    pool: ThreadPool,
}

/// What is known of an open segmenter.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) labels: Vec<String>,
    pub(crate) confounders: Vec<Confounder>,
    pub(crate) device: &'static str,
}

impl Worker {
    /// Starts the thread, which opens the model and says so in `reply`.
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
            // On a thread of the pool, so that an image need not be handed over. Jobs that still wait when it closes are
            // dropped with the channel, and so are their replies.
            bench.pool.install(|| {
                let _ = works.set(std::thread::current().id());
                for job in waiting {
                    if closes.load(Ordering::Acquire) {
                        break;
                    }
                    job(&bench);
                }
            });
        };
        let thread = Builder::new().name("mcdrl".into()).spawn(body).map_err(no_thread)?;
        Ok(Self { open: Mutex::new(Some(Open { jobs, closing, thread, works_on })) })
    }

    /// Has `work` done after all that was asked for before, and its result sent, unless nobody waits for it by then.
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

    /// As [`Self::ask`], for a job that answers whom it likes.
    pub(crate) fn post(&self, job: impl FnOnce(&Bench) + Send + 'static) -> Result<()> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or(SegmenterError::Closed)?;
        open.jobs.send(Box::new(job)).map_err(|_| SegmenterError::Closed)
    }

    /// Ends the thread after the image in hand; who still waits hears [`SegmenterError::Closed`]. The model's memory
    /// is free when this returns.
    pub(crate) fn close(&self) -> Result<()> {
        let Open { jobs, thread, works_on, .. } = self.end().ok_or(SegmenterError::Closed)?;
        // With this, the thread's loop ends.
        drop(jobs);
        // Whoever is called back by the segmenter may close it, and cannot wait for itself.
        let here = std::thread::current().id();
        if thread.thread().id() != here && works_on.get() != Some(&here) {
            let _ = thread.join();
        }
        Ok(())
    }

    /// Tells the thread to end. `None` if it was told before.
    fn end(&self) -> Option<Open> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        open.closing.store(true, Ordering::Release);
        Some(open)
    }
}

impl Drop for Worker {
    /// Waits for nothing: garbage collectors and cancelled callers have no time.
    fn drop(&mut self) {
        self.end();
    }
}

impl Bench {
    fn open(
        model: ModelSource,
        options: &SegmenterOptions,
        listener: Option<Arc<dyn CreationListener>>,
    ) -> Result<Self> {
        let mut builder = ThreadPoolBuilder::new().thread_name(|index| format!("mcdrl-{index}"));
        if let Some(threads) = options.threads {
            if threads == 0 {
                return Err(SegmenterError::Input("at least one thread is needed, not 0".into()));
            }
            builder = builder.num_threads(threads as usize);
        }
        let pool = builder.build().map_err(no_thread)?;
        let bytes = model.read()?;
        let mut on_stage = |stage: mcdrl_model::OpenStage| {
            if let Some(listener) = &listener {
                // What a listener throws is its own affair.
                let _ = listener.on_stage(stage.into());
            }
        };
        let started = Instant::now();
        let clock = || started.elapsed();
        let mut open = |device: Device| {
            let open = || Segmenter::open(&bytes, device.into(), &clock, &mut on_stage);
            guarded(|| Ok(pool.install(open)?))
        };
        let opened = match open(options.device) {
            // A GPU's runtime panics where there is no device after all.
            Err(SegmenterError::Internal(_)) if options.device == Device::Auto => {
                open(Device::Cpu)?
            }
            opened => opened?,
        };
        if let Some(reason) = opened.passed_over {
            let level = match reason {
                PassedOver::Failed(_) => LogLevel::Warning,
                PassedOver::Slower(_) => LogLevel::Info,
            };
            log(level, format!("on the CPU instead of the GPU: {reason}"));
        }
        let bench = Self { segmenter: opened.segmenter, pool };
        log(LogLevel::Info, bench.opened_as(options.device));
        Ok(bench)
    }

    fn opened_as(&self, wanted: Device) -> String {
        let (device, threads) = (self.segmenter.device_name(), self.pool.current_num_threads());
        format!("a segmenter is ready: device {device} (asked for: {wanted:?}), {threads} threads")
    }

    fn about(&self) -> About {
        let profile = &self.segmenter.header().profile;
        let confounders = profile.confounders.iter().map(|confounder| Confounder {
            name: confounder.name.clone(),
            family: confounder.family.clone(),
        });
        let background = std::iter::once("background".to_owned());
        About {
            labels: background.chain(self.segmenter.labels().iter().cloned()).collect(),
            confounders: confounders.collect(),
            device: self.segmenter.device_name(),
        }
    }

    /// Segments an image on the segmenter's threads.
    pub(crate) fn segment(&self, image: &Image) -> Result<Arc<Segmentation>> {
        let started = Instant::now();
        let segmentation = self.segmenter.segment(&image.pixels)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        Ok(Arc::new(Segmentation::new(segmentation, milliseconds)))
    }
}

/// Runs `work`; a panic becomes an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing that `work` may have left half done is used again: an image's tensors are its own.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = said(panic.as_ref());
        log(LogLevel::Error, format!("panic: {text}"));
        Err(SegmenterError::Internal(text))
    })
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "something without a text".into())
}

fn no_thread(error: impl std::fmt::Display) -> SegmenterError {
    SegmenterError::Device(format!("no thread can be started: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancellation::Cancellation;
    use crate::reply::reply;

    #[test]
    fn a_panic_becomes_an_error_and_the_next_job_is_done() {
        let model =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/mcdrl/assets/demo.safetensors");
        let never = Cancellation::new();
        let (opened, about) = reply(&never).unwrap();
        let options = SegmenterOptions { device: Device::Cpu, threads: Some(1) };
        let model = ModelSource::Path { path: model.into() };
        let worker = Worker::start(model, options, None, opened).unwrap();
        about.wait().unwrap();
        for text in ["a text", "one that was put together"] {
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
