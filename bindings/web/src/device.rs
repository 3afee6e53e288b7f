//! The device that this module is for.

use js_sys::Function;
use mcdrl_model::{Device, Result};

/// An open device.
pub struct OpenDevice {
    /// As Burn knows it.
    pub burn: Device,
    #[cfg(feature = "gpu")]
    setup: burn::tensor::wgpu::WgpuSetup,
}

/// Opens the CPU, which cannot be lost.
///
/// # Errors
/// None in practice.
#[cfg(not(feature = "gpu"))]
pub async fn open(_on_lost: Function) -> Result<OpenDevice> {
    Ok(OpenDevice { burn: mcdrl_model::DeviceChoice::Cpu.open()? })
}

#[cfg(not(feature = "gpu"))]
impl OpenDevice {
    /// What the hardware says it is.
    pub fn adapter(&self) -> String {
        String::new()
    }

    /// Gives its memory back.
    pub fn close(self) {}
}

#[cfg(feature = "gpu")]
thread_local! {
    /// Who is told that the device was lost: the device's callback may not hold JavaScript's values.
    static ON_LOST: std::cell::RefCell<Option<Function>> = const { std::cell::RefCell::new(None) };
}

/// Opens the GPU.
///
/// # Errors
/// [`mcdrl_model::Error::Device`] if none answers.
#[cfg(feature = "gpu")]
pub async fn open(on_lost: Function) -> Result<OpenDevice> {
    let unavailable = |e| mcdrl_model::Error::Device(format!("no GPU through WebGPU: {e}"));
    let (burn, setup) =
        Device::wgpu_options().init_with_setup_async().await.map_err(unavailable)?;
    ON_LOST.with(|slot| slot.replace(Some(on_lost)));
    setup.device.set_device_lost_callback(|reason, message| {
        let told = ON_LOST.with(|slot| slot.borrow().clone());
        if let Some(told) = told {
            // What the listener throws is its own business.
            let _ =
                told.call1(&wasm_bindgen::JsValue::NULL, &format!("{reason:?}: {message}").into());
        }
    });
    Ok(OpenDevice { burn, setup })
}

#[cfg(feature = "gpu")]
impl OpenDevice {
    /// What the hardware says it is.
    pub fn adapter(&self) -> String {
        let info = self.setup.adapter.get_info();
        format!("{} {} {}", info.name, info.driver, info.driver_info).trim().to_owned()
    }

    /// Gives its memory back.
    pub fn close(self) {
        ON_LOST.with(|slot| slot.replace(None));
        self.setup.device.destroy();
    }
}
