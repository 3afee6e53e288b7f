//! Errors in JavaScript: an `Error` with a `code`.

use js_sys::Reflect;
use mcdrl_runtime::Error;
use wasm_bindgen::JsValue;

/// The error with its code. The code is for programs, the message for people.
pub fn to_js(error: &Error) -> JsValue {
    coded(error.kind().code(), &error.to_string())
}

/// An `Error` with a code.
pub fn coded(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
