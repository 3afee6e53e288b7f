//! `model_224 OUT` writes an untrained model. It has the demonstration model's architecture and sees CLIP's usual 224²
//! pixels. The packages' tests use it to measure the overhead of a call.

use burn::tensor::Device;
use mcdrl_model::clip::ClipVisionEncoderConfig;
use mcdrl_runtime::{Model, Precision, Preprocess};
use serde_json::Value;

const DEMO: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/mcdrl/assets/demo.safetensors");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).ok_or("usage: model_224 OUT")?;
    let header = Model::read_header(&std::fs::read(DEMO)?)?;
    let mut architecture = header.architecture;
    if let ClipVisionEncoderConfig::Compact(encoder) = &mut architecture.vision {
        encoder.image_size = 224;
    }
    let (classes, confounders) = (header.profile.classes.len(), header.profile.confounders.len());
    let network = architecture.init(classes, confounders, &Device::flex());
    let (run, preprocess) = (Default::default(), Preprocess::clip(224));
    let model = Model::new(network, architecture, run, header.profile, preprocess, Value::Null);
    let model = model.to_bytes(Precision::Half);
    let part = format!("{out}.part");
    std::fs::write(&part, model)?;
    Ok(std::fs::rename(part, out)?)
}
