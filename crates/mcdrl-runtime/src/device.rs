//! The devices that compute: the CPU (Burn's flex backend) and the GPU (wgpu or CUDA).

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

use crate::{Error, Result};

/// The device that a user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// Tries the CPU and, if there is one, the hardware GPU. Keeps the faster one of those that compute correctly.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU, also with a software driver.
    Gpu,
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU.
    Cpu,
    /// The GPU.
    Gpu,
}

impl DeviceKind {
    /// The kind of an open device.
    #[cfg(any(feature = "gpu", feature = "cuda"))]
    pub fn of(device: &Device) -> Self {
        let gpu =
            matches!(device.clone().inner().as_dispatch(), burn::backend::DispatchDevice::Cube(_));
        if gpu { Self::Gpu } else { Self::Cpu }
    }

    /// The kind of an open device.
    #[cfg(not(any(feature = "gpu", feature = "cuda")))]
    pub fn of(_: &Device) -> Self {
        Self::Cpu
    }

    /// The name in results: `cpu` or `gpu`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "CPU",
            Self::Gpu => "GPU",
        })
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

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        })
    }
}

/// Opens the CPU.
#[cfg(feature = "flex")]
pub fn open_cpu() -> Result<Device> {
    Ok(Device::flex())
}

/// Opens the CPU.
#[cfg(not(feature = "flex"))]
pub fn open_cpu() -> Result<Device> {
    let text =
        "this build has no CPU backend: build with the feature `flex` or choose the device gpu";
    Err(Error::Device(text.into()))
}

pub use gpu::{hardware_gpu, open_gpu};

/// CUDA. A build with CUDA has no other GPU backend.
#[cfg(feature = "cuda")]
mod gpu {
    use burn::tensor::DeviceType;

    use super::{Device, Error, Result};

    /// Fails with the reason if there is no hardware GPU.
    pub fn hardware_gpu() -> Result<()> {
        match Device::enumerate(DeviceType::Cuda).into_vec().is_empty() {
            true => Err(Error::Device("CUDA finds no NVIDIA GPU: install its driver".into())),
            false => Ok(()),
        }
    }

    /// Opens the GPU.
    pub async fn open_gpu() -> Result<Device> {
        hardware_gpu()?;
        Ok(Device::cuda(0))
    }
}

/// wgpu in a native program: Vulkan, Metal or DirectX 12.
#[cfg(all(feature = "gpu", not(feature = "cuda"), not(target_family = "wasm")))]
mod gpu {
    use burn::backend::{CubeDevice, DispatchDevice, WgpuDeviceKind};
    use burn::tensor::DeviceType;

    use super::{Device, Error, Result};

    /// Fails with the reason if there is no hardware GPU. Software drivers do not count, because the CPU backend is faster.
    pub fn hardware_gpu() -> Result<()> {
        let is_hardware = |device: &Device| match device.as_dispatch() {
            DispatchDevice::Cube(CubeDevice::Wgpu(device)) => {
                let kind = &device.kind;
                matches!(kind, WgpuDeviceKind::DiscreteGpu(_) | WgpuDeviceKind::IntegratedGpu(_))
            }
            _ => false,
        };
        if Device::enumerate(DeviceType::Wgpu).into_vec().iter().any(is_hardware) {
            return Ok(());
        }
        Err(Error::Device("no hardware GPU found through Vulkan, Metal or DirectX 12".into()))
    }

    /// Opens the GPU.
    pub async fn open_gpu() -> Result<Device> {
        if Device::enumerate(DeviceType::Wgpu).into_vec().is_empty() {
            let text = "no GPU found through Vulkan, Metal or DirectX 12: install a driver (on Debian, \
                        mesa-vulkan-drivers has a software driver) or choose the device cpu";
            return Err(Error::Device(text.into()));
        }
        Ok(Device::wgpu(Default::default()))
    }
}

/// WebGPU in a browser.
#[cfg(all(feature = "gpu", not(feature = "cuda"), target_family = "wasm"))]
mod gpu {
    use burn::tensor::wgpu::WgpuSetup;

    use super::{Device, Error, Result};

    /// Always succeeds, because only opening an adapter shows whether there is one.
    pub fn hardware_gpu() -> Result<()> {
        Ok(())
    }

    /// Opens the GPU, with the handles that the page needs to watch and to close it.
    pub async fn open_gpu() -> Result<(Device, WgpuSetup)> {
        let unavailable = |e| Error::Device(format!("no GPU found through WebGPU: {e}"));
        Device::wgpu_options().init_with_setup_async().await.map_err(unavailable)
    }
}

/// A build without a GPU backend.
#[cfg(not(any(feature = "gpu", feature = "cuda")))]
mod gpu {
    use super::{Device, Error, Result};

    /// Fails, because there is no hardware GPU.
    pub fn hardware_gpu() -> Result<()> {
        let text =
            "this build has no GPU backend: build with the feature `gpu` or choose the device cpu";
        Err(Error::Device(text.into()))
    }

    /// Opens the GPU.
    pub async fn open_gpu() -> Result<Device> {
        hardware_gpu().map(|()| unreachable!("this build has no GPU backend"))
    }
}
