//! Where the tensors live: the CPU (Burn's flex backend) or a GPU (wgpu).

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::{Error, Result};

/// The user's choice of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU if there is one, else the CPU; [`crate::Segmenter::open`] times both and keeps the faster.
    Auto,
    /// The CPU.
    #[default]
    Cpu,
    /// The GPU, through Vulkan, Metal or DirectX 12; software drivers count.
    Gpu,
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// [`Error::Device`] if a GPU is asked for and none answers, or this build has no GPU backend.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => open_cpu(),
            Self::Gpu => gpu::open(),
            // Software drivers are opened too, and lose to flex: `auto` is the CPU unless there is real hardware.
            Self::Auto if gpu::is_hardware() => gpu::open().or_else(|_| open_cpu()),
            Self::Auto => open_cpu(),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu),
            other => {
                Err(Error::Device(format!("unknown device `{other}`: choose auto, cpu or gpu")))
            }
        }
    }
}

/// The name that results carry: `cpu` or `gpu`.
pub fn device_name(device: &Device) -> &'static str {
    let shown = format!("{device:?}").to_lowercase();
    if shown.contains("wgpu") || shown.contains("cube") { "gpu" } else { "cpu" }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        })
    }
}

#[cfg(feature = "flex")]
fn open_cpu() -> Result<Device> {
    Ok(Device::flex())
}

#[cfg(not(feature = "flex"))]
fn open_cpu() -> Result<Device> {
    let text =
        "this build has no CPU backend: build with the feature `flex` or choose the device gpu";
    Err(Error::Device(text.into()))
}

/// The GPU of a native program; a browser's is opened by a promise, which is the web package's affair.
#[cfg(all(feature = "gpu", not(target_family = "wasm")))]
mod gpu {
    use burn::tensor::DeviceType;

    use super::{Device, Error, Result};

    pub(super) fn is_hardware() -> bool {
        adapters().iter().any(|name| name.contains("Discrete") || name.contains("Integrated"))
    }

    pub(super) fn open() -> Result<Device> {
        if adapters().is_empty() {
            let text = "no GPU answers through Vulkan, Metal or DirectX 12: install a driver (on Debian \
                        mesa-vulkan-drivers has a software one) or choose the device cpu";
            return Err(Error::Device(text.into()));
        }
        Ok(Device::wgpu(Default::default()))
    }

    fn adapters() -> Vec<String> {
        let devices = Device::enumerate(DeviceType::Wgpu).into_vec();
        devices.iter().map(|device| format!("{device:?}")).collect()
    }
}

#[cfg(not(all(feature = "gpu", not(target_family = "wasm"))))]
mod gpu {
    use super::{Device, Error, Result};

    pub(super) fn is_hardware() -> bool {
        false
    }

    pub(super) fn open() -> Result<Device> {
        let text =
            "this build has no GPU backend: build with the feature `gpu` or choose the device cpu";
        Err(Error::Device(text.into()))
    }
}
