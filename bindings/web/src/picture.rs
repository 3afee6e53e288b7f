//! An image inside the module.

use mcdrl_image::Image;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::to_js;

/// An image inside the module. JavaScript must call `free()` to release it.
#[wasm_bindgen]
pub struct Picture {
    pub(crate) image: Image,
}

#[wasm_bindgen]
impl Picture {
    /// Decodes JPEG, PNG, TIFF, BMP or WebP exactly as the native library does.
    ///
    /// # Errors
    /// `image` or `image-too-large`.
    pub fn decode(file: &[u8]) -> Result<Self, JsValue> {
        let image = Image::decode(file).map_err(|e| to_js(&e.into()))?;
        Ok(Self { image })
    }

    /// Takes the pixels of a canvas: RGBA, row-major. Pixels of opacity 0 become black; any other opacity is dropped.
    ///
    /// # Errors
    /// `input` if there are not `width · height · 4` bytes.
    #[wasm_bindgen(js_name = fromRgba)]
    pub fn from_rgba(pixels: &[u8], width: usize, height: usize) -> Result<Self, JsValue> {
        let image = Image::from_rgba(width, height, pixels).map_err(|e| to_js(&e.into()))?;
        Ok(Self { image })
    }
}
