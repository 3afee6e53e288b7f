//! A model on the module's device.

use js_sys::Function;
use mcdrl_model::{Confounder, Segmenter};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::answer::{self, Maps};
use crate::device::{self, OpenDevice};
use crate::error::to_js;
use crate::picture::Picture;

/// A model on the module's device.
#[wasm_bindgen]
pub struct Engine {
    segmenter: Segmenter,
    device: OpenDevice,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    classes: &'a [String],
    confounders: &'a [Confounder],
    adapter: String,
}

#[wasm_bindgen]
impl Engine {
    /// Opens a model file on the module's device. `on_lost` is called with a reason if the device is lost later.
    ///
    /// # Errors
    /// `device` if there is no such device, `model` or `model-version` for a file that is none.
    pub async fn open(model: Vec<u8>, on_lost: Function) -> Result<Engine, JsValue> {
        let device = device::open(on_lost).await.map_err(|e| to_js(&e))?;
        let segmenter = Segmenter::from_bytes(&model, &device.burn).map_err(|e| to_js(&e))?;
        Ok(Self { segmenter, device })
    }

    /// `{ classes, confounders: [{ name, family }], adapter }`.
    ///
    /// # Errors
    /// None in practice.
    pub fn about(&self) -> Result<JsValue, JsValue> {
        let header = self.segmenter.header();
        let about = About {
            classes: self.segmenter.labels(),
            confounders: &header.profile.confounders,
            adapter: self.device.adapter(),
        };
        Ok(about.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
    }

    /// Segments the built-in image and holds the answer to the model file's: a warm-up and a test of the device.
    ///
    /// # Errors
    /// `wrong-answer` or `device`.
    pub async fn check(&self) -> Result<(), JsValue> {
        self.segmenter.self_check().await.map_err(|e| to_js(&e))
    }

    /// Segments one image.
    ///
    /// # Errors
    /// `device` if it fails.
    pub async fn segment(&self, picture: &Picture, maps: Maps) -> Result<JsValue, JsValue> {
        let images = [&picture.image];
        let segmentations = self.segmenter.segment_batch_async(&images).await;
        answer::to_js(&segmentations.map_err(|e| to_js(&e))?[0], &picture.image, maps)
    }

    /// Gives the device's memory back at once; the engine is of no use afterwards.
    pub fn close(self) {
        self.device.close();
    }
}
