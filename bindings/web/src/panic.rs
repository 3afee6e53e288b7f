//! A panic ends the module. Its message is kept for the caller's error.

use std::sync::{Mutex, PoisonError};

use wasm_bindgen::prelude::wasm_bindgen;

static MESSAGE: Mutex<Option<String>> = Mutex::new(None);

#[wasm_bindgen(start)]
fn keep_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        *MESSAGE.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic.to_string());
    }));
}

/// The message of the last panic.
#[wasm_bindgen(js_name = panicMessage)]
pub fn panic_message() -> Option<String> {
    MESSAGE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
