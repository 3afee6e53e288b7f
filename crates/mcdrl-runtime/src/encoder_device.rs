//! Encoders on a device, for training and embedding. Their files have no reference answer, so a GPU is compared with the CPU.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, Transaction};

use crate::device::{DeviceChoice, hardware_gpu, open_cpu};
use crate::device_policy::{DeviceInfo, DeviceTrial, OpenOptions, choose_device};
use crate::{Error, Result};

/// The largest relative difference that another order of single-precision operations explains.
const TOLERANCE: f32 = 0.02;

/// An encoder in a file.
pub(crate) trait EncoderFile: Clone + Send + Sync + 'static {
    /// The encoder on a device.
    type Encoder: Send + 'static;

    /// Builds the encoder with the file's weights.
    fn init(&self, device: &Device) -> Result<Self::Encoder>;

    /// The encoder's answer to a known input, a few hundred values.
    fn probe(&self, encoder: &Self::Encoder) -> Tensor<2>;
}

/// Loads an encoder onto the device of the user's choice. A GPU must give the CPU's answer to a known input.
///
/// # Errors
/// Those of [`EncoderFile::init`] for the file. [`Error::Device`], [`Error::Timeout`] and [`Error::WrongAnswer`] for the device.
pub(crate) async fn open<F: EncoderFile>(
    file: &F,
    options: OpenOptions<'_>,
) -> Result<(F::Encoder, DeviceInfo)> {
    let gpu_may_run = match options.device {
        DeviceChoice::Cpu => false,
        DeviceChoice::Gpu => true,
        DeviceChoice::Auto => hardware_gpu().is_ok(),
    };
    let expected = match gpu_may_run && cfg!(feature = "flex") {
        true => Some(read(file.probe(&file.init(&open_cpu()?)?)).await?),
        false => None,
    };
    let trial = EncoderTrial { file: Arc::new(file.clone()), expected };
    let (ready, device) = choose_device(&trial, options).await?;
    Ok((ready.encoder, device))
}

#[derive(Clone)]
struct EncoderTrial<F> {
    file: Arc<F>,
    /// The CPU's answer; `None` if only the CPU may run.
    expected: Option<Vec<f32>>,
}

struct ReadyEncoder<F: EncoderFile> {
    encoder: F::Encoder,
    trial: EncoderTrial<F>,
}

impl<F: EncoderFile> DeviceTrial for EncoderTrial<F> {
    type Ready = ReadyEncoder<F>;

    fn prepare(&self, device: &Device) -> Result<Self::Ready> {
        Ok(ReadyEncoder { encoder: self.file.init(device)?, trial: self.clone() })
    }

    async fn check(ready: &Self::Ready) -> Result<()> {
        let EncoderTrial { file, expected } = &ready.trial;
        let Some(expected) = expected else { return Ok(()) };
        let found = read(file.probe(&ready.encoder)).await?;
        let scale = expected.iter().fold(f32::MIN_POSITIVE, |top, value| top.max(value.abs()));
        let differences = expected.iter().zip(&found).map(|(a, b)| (a - b).abs() / scale);
        // `f32::max` would ignore NaN.
        let difference =
            differences.fold(0.0, |top: f32, d| if d > top || d.is_nan() { d } else { top });
        if difference <= TOLERANCE { Ok(()) } else { Err(Error::WrongAnswer { difference }) }
    }
}

/// Reads values back from a device without blocking.
async fn read(tensor: Tensor<2>) -> Result<Vec<f32>> {
    let failed = |error: &dyn std::fmt::Debug| Error::Execution(format!("{error:?}"));
    let read = Transaction::default().register(tensor).execute_async().await;
    let data = read.map_err(|e| failed(&e))?.swap_remove(0);
    data.convert::<f32>().try_to_vec().map_err(|e| failed(&e))
}
