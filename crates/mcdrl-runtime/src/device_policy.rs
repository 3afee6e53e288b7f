//! The device policy: the only place that decides which device computes.
//!
//! A device is checked before it computes for a user: it is opened, it computes a known input, and its answer is compared
//! with the reference answer. With [`DeviceChoice::Auto`] and a hardware GPU, both devices are checked and timed, and the
//! faster one is kept. Every step on a GPU has a time limit.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use burn::tensor::Device;
use web_time::Instant;

use crate::Result;
use crate::device::{DeviceChoice, DeviceKind, hardware_gpu, open_cpu, open_gpu};
use crate::limit::within;

/// The number of timed runs of a device. The median is used, so that one disturbed run does not matter.
const RUNS: usize = 3;

/// Options for opening a device.
pub struct OpenOptions<'a> {
    /// The device. Default: [`DeviceChoice::Auto`].
    pub device: DeviceChoice,
    /// The time limit of each step on a GPU. Default: 180 s, because drivers compile kernels in the first step.
    pub gpu_limit: Duration,
    /// Called at the start of each stage.
    pub on_stage: Box<dyn FnMut(OpenStage) + 'a>,
    /// Whether a device is also timed if there is no other to compare it with, for [`DeviceInfo::time`].
    pub measure: bool,
    /// Called with the handles of the browser's GPU after it was opened.
    #[cfg(all(feature = "gpu", target_family = "wasm"))]
    pub on_gpu: Box<dyn FnOnce(burn::tensor::wgpu::WgpuSetup) + 'a>,
}

/// A stage of opening a device. With two devices, the first three stages occur twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenStage {
    /// The device is opened.
    Device,
    /// The model is loaded onto the device.
    Model,
    /// The device computes a known input. A GPU compiles its kernels for it.
    WarmUp,
    /// The devices are timed.
    Measure,
}

/// The device that computes, and the reason for its choice.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceInfo {
    /// The device.
    pub kind: DeviceKind,
    /// Why it was chosen.
    pub reason: DeviceReason,
    /// The time of the known input, if it was measured.
    pub time: Option<Duration>,
}

/// Why a device was chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceReason {
    /// The user asked for it.
    Requested,
    /// The other device is not available, for the given reason.
    Only(String),
    /// The GPU failed, for the given reason.
    GpuFailed(String),
    /// It is this many times as fast as another device.
    Faster {
        /// The ratio of the times, at least 1.
        times: f64,
        /// The other device.
        than: DeviceKind,
    },
}

/// The work that a device is tried with.
pub(crate) trait DeviceTrial: Clone + Send + 'static {
    /// The state of a device that is ready for the work.
    type Ready: Send + 'static;

    /// Loads the work onto a device.
    fn prepare(&self, device: &Device) -> Result<Self::Ready>;

    /// Does the work once and checks the answer.
    fn check(ready: &Self::Ready) -> impl Future<Output = Result<()>>;
}

/// Opens the device of the user's choice, ready for the work.
///
/// # Errors
/// [`Error::Device`] if the device is missing, [`Error::Timeout`], and the errors of the trial.
pub(crate) async fn choose_device<W: DeviceTrial>(
    work: &W,
    mut options: OpenOptions<'_>,
) -> Result<(W::Ready, DeviceInfo)> {
    let options = &mut options;
    let (kind, reason) = match (options.device, hardware_gpu()) {
        (DeviceChoice::Cpu, _) => (DeviceKind::Cpu, DeviceReason::Requested),
        (DeviceChoice::Gpu, _) => (DeviceKind::Gpu, DeviceReason::Requested),
        (DeviceChoice::Auto, Err(missing)) => {
            (DeviceKind::Cpu, DeviceReason::Only(missing.to_string()))
        }
        (DeviceChoice::Auto, Ok(())) if !cfg!(feature = "flex") => {
            (DeviceKind::Gpu, DeviceReason::Only("this build has no CPU backend".into()))
        }
        (DeviceChoice::Auto, Ok(())) => return try_both(work, options).await,
    };
    let ready = try_device(kind, work, options).await?;
    if !options.measure {
        return Ok((ready, DeviceInfo { kind, reason, time: None }));
    }
    let (ready, time) = measure::<W>(kind, ready, options).await?;
    Ok((ready, DeviceInfo { kind, reason, time: Some(time) }))
}

/// Tries both devices and keeps the better one.
async fn try_both<W: DeviceTrial>(
    work: &W,
    options: &mut OpenOptions<'_>,
) -> Result<(W::Ready, DeviceInfo)> {
    let gpu = try_device(DeviceKind::Gpu, work, options).await;
    let cpu = try_device(DeviceKind::Cpu, work, options).await?;
    keep_better::<W>(gpu, cpu, options).await
}

/// The faster device, or the CPU if the GPU failed.
async fn keep_better<W: DeviceTrial>(
    gpu: Result<W::Ready>,
    cpu: W::Ready,
    options: &mut OpenOptions<'_>,
) -> Result<(W::Ready, DeviceInfo)> {
    let gpu = match gpu {
        Ok(gpu) => measure::<W>(DeviceKind::Gpu, gpu, options).await,
        Err(error) => Err(error),
    };
    let (gpu, gpu_time) = match gpu {
        Ok(timed) => timed,
        Err(error) => {
            let reason = DeviceReason::GpuFailed(error.to_string());
            return Ok((cpu, DeviceInfo { kind: DeviceKind::Cpu, reason, time: None }));
        }
    };
    let (cpu, cpu_time) = measure::<W>(DeviceKind::Cpu, cpu, options).await?;
    let info = faster_device(gpu_time, cpu_time);
    Ok((if info.kind == DeviceKind::Gpu { gpu } else { cpu }, info))
}

/// The faster of two devices that computed correctly in these times.
pub fn faster_device(gpu: Duration, cpu: Duration) -> DeviceInfo {
    let (gpu, cpu) = ((DeviceKind::Gpu, gpu), (DeviceKind::Cpu, cpu));
    let ((kind, time), (than, slower)) = if gpu.1 < cpu.1 { (gpu, cpu) } else { (cpu, gpu) };
    let times = slower.as_secs_f64() / time.as_secs_f64().max(1e-9);
    DeviceInfo { kind, reason: DeviceReason::Faster { times, than }, time: Some(time) }
}

/// Opens a device, loads the work onto it and checks its answer.
async fn try_device<W: DeviceTrial>(
    kind: DeviceKind,
    work: &W,
    options: &mut OpenOptions<'_>,
) -> Result<W::Ready> {
    let limit = limit(kind, options);
    (options.on_stage)(OpenStage::Device);
    let device = open(kind, limit, options).await?;
    (options.on_stage)(OpenStage::Model);
    let work = work.clone();
    let ready = within(limit, "to load the model", move || async move { work.prepare(&device) });
    let ready = ready.await?;
    (options.on_stage)(OpenStage::WarmUp);
    let checked = within(limit, "for its first image", move || async move {
        W::check(&ready).await?;
        Ok(ready)
    });
    checked.await
}

#[cfg(not(all(feature = "gpu", target_family = "wasm")))]
async fn open(
    kind: DeviceKind,
    limit: Option<Duration>,
    _options: &mut OpenOptions<'_>,
) -> Result<Device> {
    match kind {
        DeviceKind::Cpu => open_cpu(),
        DeviceKind::Gpu => within(limit, "to open", open_gpu).await,
    }
}

#[cfg(all(feature = "gpu", target_family = "wasm"))]
async fn open(
    kind: DeviceKind,
    limit: Option<Duration>,
    options: &mut OpenOptions<'_>,
) -> Result<Device> {
    if kind == DeviceKind::Cpu {
        return open_cpu();
    }
    let (device, setup) = within(limit, "to open", open_gpu).await?;
    std::mem::replace(&mut options.on_gpu, Box::new(|_| ()))(setup);
    Ok(device)
}

/// The median time of the work.
async fn measure<W: DeviceTrial>(
    kind: DeviceKind,
    ready: W::Ready,
    options: &mut OpenOptions<'_>,
) -> Result<(W::Ready, Duration)> {
    (options.on_stage)(OpenStage::Measure);
    let timed = within(limit(kind, options), "to be timed", move || async move {
        let mut times = [Duration::ZERO; RUNS];
        for time in &mut times {
            let start = Instant::now();
            W::check(&ready).await?;
            *time = start.elapsed();
        }
        times.sort_unstable();
        Ok((ready, times[RUNS / 2]))
    });
    timed.await
}

/// The time limit of a step. The CPU has no limit, because its steps always end.
fn limit(kind: DeviceKind, options: &OpenOptions<'_>) -> Option<Duration> {
    (kind == DeviceKind::Gpu).then_some(options.gpu_limit)
}

impl Default for OpenOptions<'_> {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            gpu_limit: Duration::from_secs(180),
            on_stage: Box::new(|_| ()),
            measure: false,
            #[cfg(all(feature = "gpu", target_family = "wasm"))]
            on_gpu: Box::new(|_| ()),
        }
    }
}

impl OpenOptions<'_> {
    /// The defaults with another device.
    pub fn on(device: DeviceChoice) -> Self {
        Self { device, ..Self::default() }
    }
}

impl DeviceInfo {
    /// Whether a GPU was tried and not used.
    pub fn is_fallback(&self) -> bool {
        let lost = matches!(self.reason, DeviceReason::GpuFailed(_) | DeviceReason::Faster { .. });
        lost && self.kind == DeviceKind::Cpu
    }
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} ({})", self.kind, self.reason)
    }
}

impl fmt::Display for DeviceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("as requested"),
            Self::Only(why) => f.write_str(why),
            Self::GpuFailed(why) => write!(f, "the GPU failed: {why}"),
            Self::Faster { times, than } => write!(f, "{times:.1} × as fast as the {than}"),
        }
    }
}

impl fmt::Debug for OpenOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, gpu_limit, measure, .. } = self;
        let mut shown = f.debug_struct("OpenOptions");
        shown.field("device", device).field("gpu_limit", gpu_limit).field("measure", measure);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_lite::future::block_on;

    use super::*;
    use crate::Error;

    /// Work whose runs take given times.
    #[derive(Clone)]
    struct Scripted;

    struct Device {
        name: &'static str,
        milliseconds: Arc<Mutex<Vec<u64>>>,
    }

    impl DeviceTrial for Scripted {
        type Ready = Device;

        fn prepare(&self, _: &burn::tensor::Device) -> Result<Device> {
            unreachable!("these devices are ready")
        }

        async fn check(ready: &Device) -> Result<()> {
            let milliseconds = ready.milliseconds.lock().unwrap().pop().expect("three runs");
            std::thread::sleep(Duration::from_millis(milliseconds));
            Ok(())
        }
    }

    fn device(name: &'static str, milliseconds: [u64; RUNS]) -> Device {
        Device { name, milliseconds: Arc::new(Mutex::new(milliseconds.to_vec())) }
    }

    fn kept(gpu: Result<Device>, cpu: Device) -> (&'static str, DeviceInfo) {
        let mut options = OpenOptions::default();
        let kept = keep_better::<Scripted>(gpu, cpu, &mut options);
        let (ready, info) = block_on(kept).unwrap();
        (ready.name, info)
    }

    #[test]
    fn the_faster_device_is_kept() {
        // One disturbed run does not matter.
        let (name, info) = kept(Ok(device("gpu", [400, 5, 5])), device("cpu", [60, 60, 1]));
        assert_eq!((name, info.kind), ("gpu", DeviceKind::Gpu));
        assert!(!info.is_fallback(), "{info}");

        let (name, info) = kept(Ok(device("gpu", [60, 1, 60])), device("cpu", [5, 400, 5]));
        assert_eq!((name, info.kind), ("cpu", DeviceKind::Cpu));
        assert!(info.is_fallback(), "{info}");
    }

    #[test]
    fn a_gpu_that_computes_wrongly_is_not_used() {
        let wrong = Err(Error::WrongAnswer { difference: 0.5 });
        let (name, info) = kept(wrong, device("cpu", [0; RUNS]));
        assert_eq!(name, "cpu");
        assert!(info.is_fallback());
        assert!(matches!(&info.reason, DeviceReason::GpuFailed(why) if why.contains("0.500")));
        assert_eq!(info.time, None, "no device is timed");
    }

    #[test]
    fn the_reason_has_the_ratio_of_the_times() {
        let milliseconds = Duration::from_millis;
        let info = faster_device(milliseconds(30), milliseconds(10));
        assert_eq!(info.to_string(), "the CPU (3.0 × as fast as the GPU)");
        // With equal times the CPU is kept, because a GPU can be lost.
        assert_eq!(faster_device(milliseconds(9), milliseconds(9)).kind, DeviceKind::Cpu);
    }
}
