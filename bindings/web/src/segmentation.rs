//! A segmentation as a JavaScript object. Each map is a typed array of its own, so that it can be transferred.

use js_sys::{Array, Float32Array, Reflect, Uint8Array, Uint8ClampedArray};
use mcdrl_image::Image;
use mcdrl_runtime::{ClassShare, ConfounderWeight, Segmentation};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The large maps that a result has.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub struct Maps {
    /// A probability for every class and pixel.
    pub confidence: bool,
    /// The uncertainty of every pixel.
    pub uncertainty: bool,
    /// The image itself.
    pub image: bool,
}

#[wasm_bindgen]
impl Maps {
    /// Chooses the maps.
    #[wasm_bindgen(constructor)]
    pub fn new(confidence: bool, uncertainty: bool, image: bool) -> Self {
        Self { confidence, uncertainty, image }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    width: usize,
    height: usize,
    active_area: [u32; 4],
    classes: &'a [ClassShare],
    lesions: Vec<Lesion<'a>>,
    confounders: &'a [ConfounderWeight],
    disturbances: &'a [String],
    notes: &'a [String],
    unfamiliar: f32,
    expected_dice: f32,
    mean_uncertainty: f32,
}

/// A lesion under the names of JavaScript.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lesion<'a> {
    class: &'a str,
    confidence: f32,
    fraction: f32,
    pixels: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    area_mm2: Option<f32>,
    bounds: [u32; 4],
    outline: &'a [[u32; 2]],
}

impl<'a> From<&'a mcdrl_runtime::Lesion> for Lesion<'a> {
    fn from(lesion: &'a mcdrl_runtime::Lesion) -> Self {
        Self {
            class: &lesion.class,
            confidence: lesion.confidence,
            fraction: lesion.fraction,
            pixels: lesion.pixels,
            area_mm2: lesion.area_mm2,
            bounds: lesion.bounds,
            outline: &lesion.outline,
        }
    }
}

#[derive(Serialize)]
struct Grid {
    rows: usize,
    columns: usize,
}

/// `{ width, height, activeArea, classes, lesions, confounders, disturbances, notes, unfamiliar, expectedDice, meanUncertainty, categoryMask,
/// confidenceMasks, uncertainty, regions, image? }`.
pub fn to_js(segmentation: &Segmentation, image: &Image, maps: Maps) -> Result<JsValue, JsValue> {
    let area = segmentation.area;
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    let result = Summary {
        width: segmentation.mask.width(),
        height: segmentation.mask.height(),
        active_area: [area.left, area.top, area.width, area.height],
        classes: &segmentation.classes,
        lesions: segmentation.lesions.iter().map(Lesion::from).collect(),
        confounders: &segmentation.confounders,
        disturbances: &segmentation.disturbances,
        notes: &segmentation.notes,
        unfamiliar: segmentation.unfamiliar,
        expected_dice: segmentation.expected_dice,
        mean_uncertainty: segmentation.uncertainty(),
    }
    .serialize(&serializer)?;
    let set = |object: &JsValue, key: &str, value: &JsValue| {
        Reflect::set(object, &key.into(), value).map(drop)
    };
    set(&result, "categoryMask", &Uint8Array::from(segmentation.mask.classes()).into())?;
    let confidence = Array::new();
    if maps.confidence {
        // One mask at a time, because all masks together need much of the module's memory.
        for index in 0..=segmentation.classes.len() {
            let mask = segmentation.confidence_mask(index).unwrap_or_default();
            confidence.push(&Float32Array::from(mask.as_slice()));
        }
    }
    if maps.image {
        set(&result, "image", &Uint8ClampedArray::from(image.to_rgba().as_slice()).into())?;
    }
    set(&result, "confidenceMasks", &confidence)?;
    let uncertainty = if maps.uncertainty { segmentation.uncertainty_map() } else { Vec::new() };
    set(&result, "uncertainty", &Float32Array::from(uncertainty.as_slice()).into())?;

    let map = &segmentation.regions;
    let regions = Grid { rows: map.rows, columns: map.columns }.serialize(&serializer)?;
    let retained: Vec<u8> = map.retained.iter().map(|kept| u8::from(*kept)).collect();
    set(&regions, "similarity", &Float32Array::from(map.similarity.as_slice()).into())?;
    set(&regions, "retained", &Uint8Array::from(retained.as_slice()).into())?;
    let confounders: Array =
        map.confounders.iter().map(|map| Float32Array::from(map.as_slice())).collect();
    set(&regions, "confounders", &confounders)?;
    set(&result, "regions", &regions)?;
    Ok(result)
}
