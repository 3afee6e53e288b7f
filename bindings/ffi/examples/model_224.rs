//! `model_224 OUT`: a model like the demonstration's that works at CLIP's usual 224², untrained. The packages' tests measure
//! on it what a call costs beside the model.

use mcdrl_model::{DeviceChoice, McdrlConfig, Model, Precision};
use serde_json::{Value, json};

const DEMO: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/mcdrl/assets/demo.safetensors");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).ok_or("usage: model_224 OUT")?;
    let header = Model::read_header(&std::fs::read(DEMO)?)?;
    let mut architecture = serde_json::to_value(&header.architecture)?;
    architecture["input_size"] = json!(224);
    architecture["vision"]["Compact"]["image_size"] = json!(224);
    let architecture: McdrlConfig = serde_json::from_value(architecture)?;
    let network = architecture.init(&DeviceChoice::Cpu.open()?);
    let model = Model::new(network, header.profile, Value::Null).to_bytes(Precision::Half);
    let aside = format!("{out}.part");
    std::fs::write(&aside, model)?;
    Ok(std::fs::rename(aside, out)?)
}
