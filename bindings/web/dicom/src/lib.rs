//! The WebAssembly module that reads DICOM files. It is a module of its own, because most pages see no DICOM file.

use js_sys::{Array, Error as JsError, Reflect, Uint8ClampedArray};
use mcdrl_image::{DicomFile, Error, Image};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A decoded frame of a DICOM file.
#[wasm_bindgen]
pub struct DicomFrame {
    image: Image,
    frames: usize,
}

#[wasm_bindgen]
impl DicomFrame {
    /// Decodes a frame.
    ///
    /// - `frame`: its number from 0. Without it, the first is decoded, and a note says that there are others.
    ///
    /// # Errors
    /// `image` or `image-too-large`.
    #[wasm_bindgen(constructor)]
    pub fn new(file: &[u8], frame: Option<usize>) -> Result<Self, JsValue> {
        Self::decode(file, frame).map_err(|error| to_js(&error))
    }

    fn decode(file: &[u8], frame: Option<usize>) -> mcdrl_image::Result<Self> {
        let file = DicomFile::read(file)?;
        let image = frame.map_or_else(|| file.first(), |frame| file.frame(frame))?;
        Ok(Self { image, frames: file.frames() })
    }

    /// Width in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.image.width()
    }

    /// Height in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.image.height()
    }

    /// RGBA, row-major.
    pub fn pixels(&self) -> Uint8ClampedArray {
        Uint8ClampedArray::from(self.image.to_rgba().as_slice())
    }

    /// Millimetres from one row to the next, and from one column to the next, if the file states them.
    #[wasm_bindgen(getter, js_name = pixelSize)]
    pub fn pixel_size(&self) -> Option<Vec<f32>> {
        self.image.pixel_size().map(Vec::from)
    }

    /// Remarks, one sentence each.
    #[wasm_bindgen(getter)]
    pub fn notes(&self) -> Array {
        self.image.notes().iter().map(|note| JsValue::from(note.to_string())).collect()
    }

    /// The number of frames in the file.
    #[wasm_bindgen(getter)]
    pub fn frames(&self) -> usize {
        self.frames
    }
}

/// An `Error` with a code, as in the other modules.
fn to_js(error: &Error) -> JsValue {
    let code = if matches!(error, Error::TooLarge { .. }) { "image-too-large" } else { "image" };
    let error = JsError::new(&error.to_string());
    // Setting a property of a fresh object cannot fail.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}
