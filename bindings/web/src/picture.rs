//! An image inside the module.

use mcdrl_image::{FileKind, Image};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{coded, to_js};

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
    /// - `pixel_size`: millimetres from one row to the next and from one column to the next, if they are known
    ///
    /// # Errors
    /// `input` if there are not `width · height · 4` bytes, or for a size that is not positive.
    #[wasm_bindgen(js_name = fromRgba)]
    pub fn from_rgba(
        pixels: &[u8],
        width: usize,
        height: usize,
        pixel_size: Option<Vec<f32>>,
    ) -> Result<Self, JsValue> {
        let image = Image::from_rgba(width, height, pixels).map_err(|e| to_js(&e.into()))?;
        let pixel_size = pixel_size.map(|size| match *size {
            [row, column] if row > 0.0 && column > 0.0 => Ok([row, column]),
            _ => Err(coded("input", "pixelSize must be two positive numbers, in millimetres")),
        });
        Ok(Self { image: image.with_pixel_size(pixel_size.transpose()?) })
    }

    /// Whether a file is DICOM. Another module decodes such files.
    #[wasm_bindgen(js_name = isDicom)]
    pub fn is_dicom(file: &[u8]) -> bool {
        FileKind::is_dicom(file)
    }
}
