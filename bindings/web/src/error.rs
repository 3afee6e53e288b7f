//! Errors as JavaScript sees them: an `Error` with a `code`.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use mcdrl_model::Error;

/// The error with a code that programs can act on; the message is for people.
pub fn to_js(error: &Error) -> JsValue {
    coded(code(error), &error.to_string())
}

/// An `Error` with a code.
pub fn coded(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Image { .. } => "image",
        Error::ImageTooLarge { .. } => "image-too-large",
        Error::BufferLength { .. } | Error::Frame(_) => "input",
        Error::ModelVersion { .. } => "model-version",
        Error::Safetensors(_)
        | Error::MissingTensor { .. }
        | Error::TensorShape { .. }
        | Error::NotFinite { .. }
        | Error::UnknownCheckpoint(_)
        | Error::NotAModel
        | Error::ModelHeader(_)
        | Error::ModelDigest { .. }
        | Error::Config(_) => "model",
        Error::WrongAnswer { .. } => "wrong-answer",
        Error::Device(_) | Error::Execution(_) => "device",
    }
}
