//! The object that the packages wrap.

use std::sync::Arc;

use crate::bench::About;
use crate::cancellation::Cancellation;
use crate::error::Result;
use crate::image::Image;
use crate::options::{Confounder, CreationListener, ModelSource, SegmenterOptions};
use crate::reply::{Answer, reply};
use crate::segmentation::Segmentation;
use crate::video::{Found, Video};
use crate::worker::Worker;

/// Segments images on a thread of its own. Names and behaviour follow MediaPipe's `ImageSegmenter`. Any thread may call it,
/// also several at once. Images are segmented in the order of the calls.
#[derive(uniffi::Object)]
pub struct ImageSegmenter {
    worker: Worker,
    video: Video,
    about: About,
}

#[uniffi::export]
impl ImageSegmenter {
    /// Reads the model and opens the device. The device has to reproduce the model's reference answer.
    ///
    /// # Errors
    /// `Model`, `ModelVersion`, `Device`, `WrongAnswer`, `Timeout`, `Input`, `Cancelled`
    #[uniffi::constructor]
    pub fn open(
        model: ModelSource,
        options: SegmenterOptions,
        listener: Option<Arc<dyn CreationListener>>,
        cancellation: Arc<Cancellation>,
    ) -> Result<Arc<Self>> {
        let (worker, about) = start(model, options, listener, cancellation)?;
        Ok(Self::new(worker, about.wait()?))
    }

    /// As [`Self::open`], without blocking the caller's thread.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[uniffi::constructor]
    pub async fn open_async(
        model: ModelSource,
        options: SegmenterOptions,
        listener: Option<Arc<dyn CreationListener>>,
        cancellation: Arc<Cancellation>,
    ) -> Result<Arc<Self>> {
        let (worker, about) = start(model, options, listener, cancellation)?;
        Ok(Self::new(worker, about.later().await?))
    }

    /// Segments one image.
    ///
    /// # Errors
    /// `Device`, `Cancelled`, `Closed`
    pub fn segment(
        &self,
        image: Arc<Image>,
        cancellation: Arc<Cancellation>,
    ) -> Result<Arc<Segmentation>> {
        self.ask(image, cancellation)?.wait()
    }

    /// As [`Self::segment`], without blocking the caller's thread.
    ///
    /// # Errors
    /// As [`Self::segment`].
    pub async fn segment_async(
        &self,
        image: Arc<Image>,
        cancellation: Arc<Cancellation>,
    ) -> Result<Arc<Segmentation>> {
        self.ask(image, cancellation)?.later().await
    }

    /// Segments a frame of a video. While one frame is segmented, only the newest frame waits. A frame that gives way to a
    /// newer one is answered with `None`. So memory does not grow and masks are never late.
    ///
    /// - `timestamp`: milliseconds, larger than that of the last frame, also across videos
    ///
    /// # Errors
    /// As [`Self::segment`]; `Input` for a timestamp that is not larger.
    pub fn segment_for_video(
        &self,
        frame: Arc<Image>,
        timestamp: i64,
        cancellation: Arc<Cancellation>,
    ) -> Result<Option<Arc<Segmentation>>> {
        self.offer(frame, timestamp, cancellation)?.wait()
    }

    /// As [`Self::segment_for_video`], without blocking the caller's thread.
    ///
    /// # Errors
    /// As [`Self::segment_for_video`].
    pub async fn segment_for_video_async(
        &self,
        frame: Arc<Image>,
        timestamp: i64,
        cancellation: Arc<Cancellation>,
    ) -> Result<Option<Arc<Segmentation>>> {
        self.offer(frame, timestamp, cancellation)?.later().await
    }

    /// The names of the mask's values: `background` first.
    pub fn labels(&self) -> Vec<String> {
        self.about.labels.clone()
    }

    /// The confounders of the model, in the order of [`Segmentation::confounder_weights`].
    pub fn confounders(&self) -> Vec<Confounder> {
        self.about.confounders.clone()
    }

    /// The device that computes: `cpu` or `gpu`.
    pub fn device(&self) -> String {
        self.about.device.into()
    }

    /// Ends the segmenter after the current image and frees its memory. Waiting callers get `Closed`. (UniFFI gives its objects
    /// another `close`.)
    ///
    /// # Errors
    /// `Closed` if it is closed already.
    pub fn shut_down(&self) -> Result<()> {
        let closed = self.worker.close();
        self.video.clear();
        closed
    }
}

fn start(
    model: ModelSource,
    options: SegmenterOptions,
    listener: Option<Arc<dyn CreationListener>>,
    cancellation: Arc<Cancellation>,
) -> Result<(Worker, Answer<About>)> {
    let (reply, about) = reply(&cancellation)?;
    Ok((Worker::start(model, options, listener, reply)?, about))
}

impl ImageSegmenter {
    fn new(worker: Worker, about: About) -> Arc<Self> {
        Arc::new(Self { worker, video: Video::default(), about })
    }

    fn ask(
        &self,
        image: Arc<Image>,
        cancellation: Arc<Cancellation>,
    ) -> Result<Answer<Arc<Segmentation>>> {
        let (reply, answer) = reply(&cancellation)?;
        self.worker.ask(reply, move |bench| bench.segment(&image))?;
        Ok(answer)
    }

    fn offer(
        &self,
        frame: Arc<Image>,
        timestamp: i64,
        cancellation: Arc<Cancellation>,
    ) -> Result<Answer<Found>> {
        self.video.offer(&self.worker, frame, timestamp, reply(&cancellation)?)
    }
}
