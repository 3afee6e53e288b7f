//! From a model file to a segmenter on a device that has proved itself; where it may choose, on the faster one.

use std::fmt;
use std::time::Duration;

use burn::tensor::{Device, try_read_sync};

use crate::segmenter::answers_later;
use crate::{DeviceChoice, Error, Result, Segmenter, device_name};

/// How often each of two devices is timed.
const RUNS: usize = 3;

/// What [`Segmenter::open`] is at. With [`DeviceChoice::Auto`] and a GPU, the first three come twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenStage {
    /// It opens the device.
    Device,
    /// It reads the model onto the device.
    Model,
    /// It segments the built-in image, for which a GPU's kernels are compiled.
    WarmUp,
    /// It times the GPU and the CPU.
    Measure,
}

/// A segmenter on a device that has proved itself.
#[derive(Debug)]
pub struct Opened {
    /// The segmenter.
    pub segmenter: Segmenter,
    /// Why [`DeviceChoice::Auto`] passed over a GPU that there is.
    pub passed_over: Option<PassedOver>,
}

/// Why a GPU is not used.
#[derive(Debug)]
pub enum PassedOver {
    /// It failed or computed wrongly.
    Failed(Error),
    /// It took this many times as long as the CPU.
    Slower(f64),
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Slower(times) => write!(f, "the GPU takes {times:.1} times as long"),
        }
    }
}

impl Segmenter {
    /// Opens a model file on the device of `choice`, and holds the device to the model's own answer before it sees a
    /// patient's image. With [`DeviceChoice::Auto`] and a GPU the model is opened on both, and the faster one is kept;
    /// a GPU that fails or computes wrongly is passed over. `clock` says how much time has passed since whenever.
    ///
    /// # Errors
    /// As [`crate::Model::from_bytes`], [`DeviceChoice::open`] and [`Self::self_check`].
    pub fn open(
        bytes: &[u8],
        choice: DeviceChoice,
        clock: &dyn Fn() -> Duration,
        on_stage: &mut dyn FnMut(OpenStage),
    ) -> Result<Opened> {
        on_stage(OpenStage::Device);
        let device = choice.open()?;
        let proved = prove(bytes, &device, on_stage);
        if choice != DeviceChoice::Auto || device_name(&device) == "cpu" {
            return Ok(Opened { segmenter: proved?, passed_over: None });
        }
        on_stage(OpenStage::Device);
        let cpu = prove(bytes, &DeviceChoice::Cpu.open()?, on_stage)?;
        if proved.is_ok() {
            on_stage(OpenStage::Measure);
        }
        choose(proved, cpu, clock)
    }
}

fn prove(bytes: &[u8], device: &Device, on_stage: &mut dyn FnMut(OpenStage)) -> Result<Segmenter> {
    on_stage(OpenStage::Model);
    let segmenter = Segmenter::from_bytes(bytes, device)?;
    on_stage(OpenStage::WarmUp);
    check(&segmenter)?;
    Ok(segmenter)
}

fn choose(gpu: Result<Segmenter>, cpu: Segmenter, clock: &dyn Fn() -> Duration) -> Result<Opened> {
    let timed = gpu.and_then(|gpu| Ok((time(&gpu, clock)?, gpu)));
    let (gpu_time, gpu) = match timed {
        Ok(timed) => timed,
        Err(error) => {
            return Ok(Opened { segmenter: cpu, passed_over: Some(PassedOver::Failed(error)) });
        }
    };
    let cpu_time = time(&cpu, clock)?;
    Ok(if gpu_time < cpu_time {
        Opened { segmenter: gpu, passed_over: None }
    } else {
        let times = gpu_time.as_secs_f64() / cpu_time.as_secs_f64();
        Opened { segmenter: cpu, passed_over: Some(PassedOver::Slower(times)) }
    })
}

/// The median time that the built-in image takes.
fn time(segmenter: &Segmenter, clock: &dyn Fn() -> Duration) -> Result<Duration> {
    let mut times = [Duration::ZERO; RUNS];
    for time in &mut times {
        let start = clock();
        check(segmenter)?;
        *time = clock().saturating_sub(start);
    }
    times.sort_unstable();
    Ok(times[RUNS / 2])
}

fn check(segmenter: &Segmenter) -> Result<()> {
    try_read_sync(segmenter.self_check()).unwrap_or_else(|| Err(answers_later()))
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::Model;

    /// A segmenter that is told apart by the name of its first class.
    fn segmenter(name: &str) -> Segmenter {
        let device = DeviceChoice::Cpu.open().unwrap();
        let mut model = Model::from_bytes(&crate::doc_model(), &device).unwrap();
        model.header.profile.classes[0] = name.into();
        Segmenter::new(model, &device)
    }

    /// What is chosen where the runs of the GPU and then of the CPU take these milliseconds.
    fn chosen(runs: [u64; 2 * RUNS]) -> Opened {
        let (reads, now) = (Cell::new(0), Cell::new(0));
        let clock = || {
            // Every run reads the clock before and after.
            if reads.get() % 2 == 1 {
                now.set(now.get() + runs[reads.get() / 2]);
            }
            reads.set(reads.get() + 1);
            Duration::from_millis(now.get())
        };
        choose(Ok(segmenter("gpu")), segmenter("cpu"), &clock).unwrap()
    }

    #[test]
    fn the_faster_device_is_kept() {
        // One run that was disturbed counts for nothing.
        let opened = chosen([900, 10, 10, 20, 20, 1]);
        assert_eq!(opened.segmenter.labels()[0], "gpu");
        assert!(opened.passed_over.is_none(), "{:?}", opened.passed_over);

        let opened = chosen([20, 1, 20, 10, 900, 10]);
        assert_eq!(opened.segmenter.labels()[0], "cpu");
        let reason = opened.passed_over.expect("a GPU was passed over").to_string();
        assert_eq!(reason, "the GPU takes 2.0 times as long");
    }

    #[test]
    fn a_gpu_that_computes_wrongly_is_passed_over() {
        let wrong = Err(Error::WrongAnswer { difference: 0.5 });
        let opened = choose(wrong, segmenter("cpu"), &|| unreachable!("none is timed")).unwrap();
        assert_eq!(opened.segmenter.labels()[0], "cpu");
        let Some(PassedOver::Failed(Error::WrongAnswer { difference })) = opened.passed_over else {
            panic!("{:?}", opened.passed_over);
        };
        assert_eq!(difference, 0.5);
    }
}
