//! A model on the module's device.

use std::time::Duration;

use js_sys::Function;
use mcdrl_runtime::{Confounder, OpenOptions, OpenStage, Segmenter, Tiles, View, faster_device};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::device::{self, GpuHandles};
use crate::error::to_js;
use crate::picture::Picture;
use crate::segmentation::{self, Maps};

/// A model on the module's device.
#[wasm_bindgen]
pub struct Engine {
    segmenter: Segmenter,
    gpu: GpuHandles,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    labels: Vec<String>,
    confounders: &'a [Confounder],
    palette: &'static [[u8; 3]],
    adapter: String,
    milliseconds: Option<f64>,
}

#[derive(Serialize)]
struct Choice {
    name: &'static str,
    reason: String,
}

#[wasm_bindgen]
impl Engine {
    /// Opens a model file on the module's device, checks the device and, with `measure`, times it.
    ///
    /// - `limit`: milliseconds for each step on a GPU
    /// - `on_stage`: called with each stage: `"device"`, `"model"`, `"warm-up"` or `"measure"`
    /// - `on_lost`: called with a reason if the device is lost later
    ///
    /// # Errors
    /// `device`, `timeout` and `wrong-answer` for the device, `model` and `model-version` for the file.
    pub async fn open(
        model: Vec<u8>,
        measure: bool,
        limit: f64,
        on_stage: Function,
        on_lost: Function,
    ) -> Result<Engine, JsValue> {
        let gpu = GpuHandles::default();
        let mut options = OpenOptions::on(device::CHOICE);
        options.measure = measure;
        options.gpu_limit = Duration::from_millis(limit as u64);
        options.on_stage = Box::new(move |stage| {
            // Exceptions of the listener are ignored.
            let _ = on_stage.call1(&JsValue::NULL, &stage_name(stage).into());
        });
        gpu.watch(&mut options, on_lost);
        match Segmenter::open(&model, options).await {
            Ok(segmenter) => Ok(Self { segmenter, gpu }),
            Err(error) => {
                gpu.close();
                Err(to_js(&error))
            }
        }
    }

    /// `{ labels, confounders: [{ name, family, words?, complement_of?, hint_presence? }], palette, adapter, milliseconds? }`.
    ///
    /// # Errors
    /// Never in practice.
    pub fn about(&self) -> Result<JsValue, JsValue> {
        let about = About {
            labels: self.segmenter.labels(),
            confounders: &self.segmenter.header().profile.confounders,
            palette: &mcdrl_image::PALETTE,
            adapter: self.gpu.adapter(),
            milliseconds: self.segmenter.device().time.map(|time| time.as_secs_f64() * 1e3),
        };
        Ok(about.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
    }

    /// Chooses which parts of images the model sees.
    ///
    /// - `whole_frame`: also wide borders and panels around the picture
    /// - `tile_side`: also overlapping tiles of this side in pixels
    #[wasm_bindgen(js_name = setView)]
    pub fn set_view(&mut self, whole_frame: bool, tile_side: Option<u32>) {
        let view = View::new(whole_frame, tile_side.map(Tiles::of_side));
        self.segmenter = self.segmenter.with_view(view);
    }

    /// Segments one image.
    ///
    /// # Errors
    /// `device` if the device fails.
    pub async fn segment(&self, picture: &Picture, maps: Maps) -> Result<JsValue, JsValue> {
        let segmentations = self.segmenter.segment_batch_async(&[&picture.image]).await;
        segmentation::to_js(&segmentations.map_err(|e| to_js(&e))?[0], &picture.image, maps)
    }

    /// Frees the device's memory at once. The engine cannot be used afterwards.
    pub fn close(self) {
        self.gpu.close();
    }
}

/// Chooses the faster device by the milliseconds of both: `{ name, reason }`.
///
/// # Errors
/// Never in practice.
#[wasm_bindgen(js_name = chooseDevice)]
pub fn choose_device(gpu: f64, cpu: f64) -> Result<JsValue, JsValue> {
    let time = |milliseconds: f64| Duration::from_micros((1e3 * milliseconds) as u64);
    let chosen = faster_device(time(gpu), time(cpu));
    let choice = Choice { name: chosen.kind.name(), reason: chosen.reason.to_string() };
    Ok(choice.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}

fn stage_name(stage: OpenStage) -> &'static str {
    match stage {
        OpenStage::Device => "device",
        OpenStage::Model => "model",
        OpenStage::WarmUp => "warm-up",
        OpenStage::Measure => "measure",
    }
}
