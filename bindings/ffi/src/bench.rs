//! A worker's segmenter and its threads.

use std::sync::Arc;
use std::time::Instant;

use mcdrl_runtime::{DeviceReason, OpenOptions, OpenStage, Segmenter, Tiles, View};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Result, SegmenterError};
use crate::image::Image;
use crate::log::{LogLevel, log};
use crate::options::{Confounder, CreationListener, ModelSource, SegmenterOptions};
use crate::segmentation::Segmentation;

/// A segmenter with a thread pool of its own.
pub(crate) struct Bench {
    segmenter: Segmenter,
    pool: ThreadPool,
}

/// The properties of an open segmenter.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) labels: Vec<String>,
    pub(crate) confounders: Vec<Confounder>,
    pub(crate) device: &'static str,
}

impl Bench {
    pub(crate) fn open(
        model: ModelSource,
        options: &SegmenterOptions,
        listener: Option<Arc<dyn CreationListener>>,
    ) -> Result<Self> {
        let mut builder = ThreadPoolBuilder::new().thread_name(|index| format!("mcdrl-{index}"));
        if let Some(threads) = options.threads {
            if threads == 0 {
                return Err(SegmenterError::Input(
                    "the number of threads is 0: give 1 or more".into(),
                ));
            }
            builder = builder.num_threads(threads as usize);
        }
        if options.tile_side == Some(0) {
            return Err(SegmenterError::Input("the side of a tile is 0: give 1 or more".into()));
        }
        let view = View::new(options.whole_frame, options.tile_side.map(Tiles::of_side));
        let pool = builder.build().map_err(SegmenterError::no_thread)?;
        let bytes = model.read()?;
        let device = options.device.into();
        let open = move || {
            let on_stage = move |stage: OpenStage| {
                if let Some(listener) = &listener {
                    // Exceptions of the listener are ignored.
                    let _ = listener.on_stage(stage.into());
                }
            };
            let options = OpenOptions { on_stage: Box::new(on_stage), ..OpenOptions::on(device) };
            Segmenter::open_blocking(&bytes, options)
        };
        let segmenter = pool.install(open)?.with_view(view);
        let bench = Self { segmenter, pool };
        bench.log_device();
        Ok(bench)
    }

    fn log_device(&self) {
        let (device, threads) = (self.segmenter.device(), self.pool.current_num_threads());
        let level = match device.reason {
            DeviceReason::GpuFailed(_) => LogLevel::Warning,
            _ => LogLevel::Info,
        };
        let (name, reason) = (device.kind.name(), &device.reason);
        log(level, format!("a segmenter is ready: device {name} ({reason}), {threads} threads"));
    }

    pub(crate) fn about(&self) -> About {
        let confounders = self.segmenter.header().profile.confounders.iter();
        About {
            labels: self.segmenter.labels(),
            confounders: confounders.map(Confounder::from).collect(),
            device: self.segmenter.device().kind.name(),
        }
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Segments an image on the segmenter's threads.
    pub(crate) fn segment(&self, image: &Image) -> Result<Arc<Segmentation>> {
        let started = Instant::now();
        let segmentation = self.segmenter.segment(&image.pixels)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        Ok(Arc::new(Segmentation::new(segmentation, milliseconds)))
    }
}
