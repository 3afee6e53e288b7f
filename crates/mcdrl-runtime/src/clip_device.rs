//! CLIP on a device, for training and embedding. A CLIP checkpoint has no reference answer, so a GPU is compared with the
//! CPU.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, Transaction};
use mcdrl_model::clip::{Clip, DenseFeatures};

use crate::clip_checkpoint::ClipCheckpoint;
use crate::device::{DeviceChoice, hardware_gpu, open_cpu};
use crate::device_policy::{DeviceInfo, DeviceTrial, OpenOptions, choose_device};
use crate::{Error, Result};

/// The largest relative difference that another order of single-precision operations explains.
const TOLERANCE: f32 = 0.02;

impl ClipCheckpoint {
    /// Loads CLIP onto the device of the user's choice. A GPU must give the CPU's embedding of a grey image.
    ///
    /// # Errors
    /// As [`Self::init`] for the checkpoint. [`Error::Device`], [`Error::Timeout`] and [`Error::WrongAnswer`] for the
    /// device.
    pub async fn open(&self, options: OpenOptions<'_>) -> Result<(Clip, DeviceInfo)> {
        let gpu_may_run = match options.device {
            DeviceChoice::Cpu => false,
            DeviceChoice::Gpu => true,
            DeviceChoice::Auto => hardware_gpu().is_ok(),
        };
        let expected = match gpu_may_run && cfg!(feature = "flex") {
            true => Some(embedding(&self.init(&open_cpu()?)?, self.image_size()).await?),
            false => None,
        };
        let trial = ClipTrial { checkpoint: Arc::new(self.clone()), expected };
        let (ready, device) = choose_device(&trial, options).await?;
        Ok((ready.clip, device))
    }

    fn image_size(&self) -> usize {
        self.config.vision.image_size()
    }
}

#[derive(Clone)]
struct ClipTrial {
    checkpoint: Arc<ClipCheckpoint>,
    /// The CPU's embedding; `None` if only the CPU may run.
    expected: Option<Vec<f32>>,
}

struct ReadyClip {
    clip: Clip,
    image_size: usize,
    expected: Option<Vec<f32>>,
}

impl DeviceTrial for ClipTrial {
    type Ready = ReadyClip;

    fn prepare(&self, device: &Device) -> Result<ReadyClip> {
        let clip = self.checkpoint.init(device)?;
        let image_size = self.checkpoint.image_size();
        Ok(ReadyClip { clip, image_size, expected: self.expected.clone() })
    }

    async fn check(ready: &ReadyClip) -> Result<()> {
        let Some(expected) = &ready.expected else { return Ok(()) };
        let found = embedding(&ready.clip, ready.image_size).await?;
        let scale = expected.iter().fold(f32::MIN_POSITIVE, |top, value| top.max(value.abs()));
        let differences = expected.iter().zip(&found).map(|(a, b)| (a - b).abs() / scale);
        // `f32::max` would ignore NaN.
        let difference =
            differences.fold(0.0, |top: f32, d| if d > top || d.is_nan() { d } else { top });
        if difference <= TOLERANCE { Ok(()) } else { Err(Error::WrongAnswer { difference }) }
    }
}

/// The embedding of a grey image: `[d]`.
async fn embedding(clip: &Clip, image_size: usize) -> Result<Vec<f32>> {
    let device = clip.logit_scale.val().device();
    let pixels = Tensor::<4>::full([1, 3, image_size, image_size], 0.3, &device);
    let pooled = clip.visual.forward(pixels, DenseFeatures::ValuePath).pooled;
    let failed = |error: &dyn std::fmt::Debug| Error::Execution(format!("{error:?}"));
    let read = Transaction::default().register(pooled).execute_async().await;
    let data = read.map_err(|e| failed(&e))?.swap_remove(0);
    data.convert::<f32>().try_to_vec().map_err(|e| failed(&e))
}
