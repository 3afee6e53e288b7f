//! A small model with random weights.

use burn::tensor::{Device, Distribution, Tensor};
use mcdrl_model::clip::{ClipVisionEncoderConfig, EfficientNetLiteConfig};
use mcdrl_model::{ConfounderDictionary, NetworkConfig, RunConfig};
use mcdrl_runtime::{Model, Preprocess, Profile};
use serde_json::json;

pub fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

pub fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance, "{a} and {b}");
    }
}

/// A small model of endoscopy with random weights.
pub fn model(device: &Device) -> Model {
    let encoder = EfficientNetLiteConfig::new().with_embed_dim(16);
    let architecture = NetworkConfig::new(ClipVisionEncoderConfig::Lite(encoder), 20);
    let texts = random([12, 20], device);
    let network = architecture.with_parts(
        architecture.vision.init(device),
        random([6, 16], device),
        ConfounderDictionary::from_texts(texts),
    );
    let (run, preprocess) = (RunConfig::default(), Preprocess::lite(64));
    Model::new(network, architecture, run, Profile::endoscopy(), preprocess, json!({ "seed": 7 }))
}
