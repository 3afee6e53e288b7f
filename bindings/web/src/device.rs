//! The handles of the browser's GPU. They report a lost GPU, name its adapter and free its memory. The CPU has no handles.

use mcdrl_runtime::DeviceChoice;

#[cfg(not(all(feature = "gpu", target_family = "wasm")))]
pub use cpu::GpuHandles;
#[cfg(all(feature = "gpu", target_family = "wasm"))]
pub use gpu::GpuHandles;

/// The only device of this module.
pub const CHOICE: DeviceChoice =
    if cfg!(feature = "gpu") { DeviceChoice::Gpu } else { DeviceChoice::Cpu };

#[cfg(not(all(feature = "gpu", target_family = "wasm")))]
mod cpu {
    use js_sys::Function;
    use mcdrl_runtime::OpenOptions;

    /// The CPU has no handles.
    #[derive(Default)]
    pub struct GpuHandles {}

    impl GpuHandles {
        /// Does nothing: the CPU cannot be lost.
        pub fn watch(&self, _options: &mut OpenOptions<'_>, _on_lost: Function) {}

        /// Empty: the CPU has no adapter.
        pub fn adapter(&self) -> String {
            String::new()
        }

        /// Does nothing: the CPU's memory is freed with the engine.
        pub fn close(self) {}
    }
}

#[cfg(all(feature = "gpu", target_family = "wasm"))]
mod gpu {
    use std::cell::RefCell;
    use std::rc::Rc;

    use burn::tensor::wgpu::WgpuSetup;
    use js_sys::Function;
    use mcdrl_runtime::OpenOptions;
    use wasm_bindgen::JsValue;

    thread_local! {
        /// The listener for a lost device. wgpu's callback must not hold JavaScript values itself.
        static ON_LOST: RefCell<Option<Function>> = const { RefCell::new(None) };
    }

    /// The handles of the open GPU.
    #[derive(Clone, Default)]
    pub struct GpuHandles(Rc<RefCell<Option<WgpuSetup>>>);

    impl GpuHandles {
        /// Keeps the handles here as soon as the GPU is open. `on_lost` is called with a reason if the GPU is lost later.
        pub fn watch(&self, options: &mut OpenOptions<'_>, on_lost: Function) {
            let slot = self.0.clone();
            options.on_gpu = Box::new(move |setup| {
                ON_LOST.with(|listener| listener.replace(Some(on_lost)));
                setup.device.set_device_lost_callback(|reason, message| {
                    let listener = ON_LOST.with(|listener| listener.borrow().clone());
                    if let Some(listener) = listener {
                        let text = format!("{reason:?}: {message}");
                        // Exceptions of the listener are ignored.
                        let _ = listener.call1(&JsValue::NULL, &text.into());
                    }
                });
                slot.replace(Some(setup));
            });
        }

        /// The adapter's name.
        pub fn adapter(&self) -> String {
            let Some(setup) = &*self.0.borrow() else { return String::new() };
            let info = setup.adapter.get_info();
            format!("{} {} {}", info.name, info.driver, info.driver_info).trim().to_owned()
        }

        /// Frees the GPU's memory.
        pub fn close(self) {
            ON_LOST.with(|listener| listener.replace(None));
            if let Some(setup) = self.0.take() {
                setup.device.destroy();
            }
        }
    }
}
