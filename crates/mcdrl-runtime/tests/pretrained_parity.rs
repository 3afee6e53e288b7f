//! The pre-trained encoders match PyTorch and transformers. `shared/data/pretrained` has their outputs; `cargo xtask weights`
//! fetches the weights.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mcdrl_image::Image;
#[cfg(feature = "gpu")]
use mcdrl_runtime::{DeviceChoice, DeviceKind, Error, OpenOptions};
use mcdrl_runtime::{LiteCheckpoint, Preprocess, SentenceCheckpoint, Weights};

const TOLERANCE: f32 = 1e-4;

/// The folder in a variable of the environment, or else a path from this crate. `None` if it does not exist.
fn folder(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let crate_folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let otherwise = Path::new(&crate_folder).join(otherwise);
    let folder = std::env::var_os(variable).map_or(otherwise, PathBuf::from);
    if !folder.is_dir() {
        println!("skipped: {} does not exist; set {variable}", folder.display());
        return None;
    }
    Some(folder)
}

/// The folders of the weights and of the reference vectors.
fn folders() -> Option<(PathBuf, PathBuf)> {
    let weights = folder("MCDRL_WEIGHTS", "../../target/weights")?;
    let data = folder("MCDRL_SHARED_DATA", "../../../shared/data")?;
    Some((weights, data.join("pretrained")))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn sentences(weights: &Path) -> SentenceCheckpoint {
    let folder = weights.join("all-minilm-l6-v2");
    let config = String::from_utf8(read(&folder.join("config.json"))).unwrap();
    let tokenizer = read(&folder.join("tokenizer.json"));
    let model = read(&folder.join("model.safetensors"));
    SentenceCheckpoint::from_files(&config, &tokenizer, &model).unwrap()
}

fn assert_matches<const D: usize>(what: &str, found: Tensor<D>, expected: &[f32]) {
    let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f32, |top, value| top.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let error = differences.fold(0.0f32, f32::max) / largest;
    println!("{what}: {error:.1e}");
    assert!(error <= TOLERANCE, "{what} differs by {error:.1e}");
}

fn check_lite(
    name: &str,
    vectors: &Path,
    encoder: &mcdrl_model::clip::EfficientNetLite,
    device: &Device,
) {
    let expected = Weights::from_safetensors(&read(&vectors.join(format!("{name}.safetensors"))));
    let expected = expected.unwrap();
    let mut compared = 0;
    for side in [96, 224] {
        let image = Image::decode(&read(&vectors.join(format!("probe{side}.png")))).unwrap();
        let taps = encoder.forward(Preprocess::lite(side).unscaled(&image, device));
        assert_eq!(taps.len(), 5);
        for (number, tap) in taps.into_iter().enumerate() {
            let tensor = format!("probe{side}.tap{number}");
            if let Some(values) = expected.values(&tensor) {
                assert_eq!(expected.shape(&tensor).unwrap(), tap.dims());
                assert_matches(&format!("{name} {tensor}"), tap, values);
                compared += 1;
            }
        }
    }
    assert!(compared > 0, "no tap was compared");
}

fn check_sentences(
    checkpoint: &SentenceCheckpoint,
    vectors: &Path,
    encoder: &mcdrl_model::clip::SentenceEncoder,
) {
    let texts: serde_json::Value =
        serde_json::from_slice(&read(&vectors.join("minilm.json"))).unwrap();
    let ids: Vec<Vec<u32>> = serde_json::from_value(texts["ids"].clone()).unwrap();
    let texts: Vec<String> = serde_json::from_value(texts["texts"].clone()).unwrap();
    for (text, ids) in texts.iter().zip(&ids) {
        assert_eq!(&checkpoint.encode(text), ids, "{text:?}");
    }
    let expected = Weights::from_safetensors(&read(&vectors.join("minilm.safetensors"))).unwrap();
    let found = checkpoint.embed(encoder, &texts);
    assert_matches("sentences", found, expected.values("embeddings").unwrap());
}

#[test]
fn the_encoders_match_on_the_cpu() {
    let Some((weights, vectors)) = folders() else { return };
    let device = Device::flex();
    for name in ["efficientnet-lite0", "efficientnet-lite2"] {
        let path = weights.join(format!("{name}.pth"));
        let encoder = LiteCheckpoint::from_state_dict(&path).unwrap().init(&device).unwrap();
        check_lite(name, &vectors, &encoder, &device);
    }
    let checkpoint = sentences(&weights);
    check_sentences(&checkpoint, &vectors, &checkpoint.init(&device).unwrap());
}

#[test]
fn lite1_loads_and_answers_to_the_picture() {
    let Some((weights, vectors)) = folders() else { return };
    let device = Device::flex();
    let path = weights.join("efficientnet-lite1.pth");
    let encoder = LiteCheckpoint::from_state_dict(&path).unwrap().init(&device).unwrap();
    let image = Image::decode(&read(&vectors.join("probe96.png"))).unwrap();
    let pixels = Preprocess::lite(96).unscaled(&image, &device);
    let (picture, grey) = (encoder.pooled(pixels.clone()), encoder.pooled(pixels.zeros_like()));
    let difference: f32 = (picture - grey).abs().max().into_scalar();
    assert!(difference > 0.1, "{difference}");
}

#[cfg(feature = "gpu")]
#[test]
fn the_encoders_match_on_wgpu() {
    use futures_lite::future::block_on;

    let Some((weights, vectors)) = folders() else { return };
    // A software driver compiles its kernels slowly.
    let options = || OpenOptions {
        gpu_limit: std::time::Duration::from_secs(600),
        ..OpenOptions::on(DeviceChoice::Gpu)
    };
    let path = weights.join("efficientnet-lite0.pth");
    match block_on(LiteCheckpoint::from_state_dict(&path).unwrap().open(options())) {
        Ok((encoder, device)) => {
            assert_eq!(device.kind, DeviceKind::Gpu);
            check_lite("efficientnet-lite0", &vectors, &encoder, &encoder.device());
        }
        Err(error @ Error::Device(_)) => return println!("skipped: {error}"),
        Err(error) => panic!("{error}"),
    }
    let checkpoint = sentences(&weights);
    let (encoder, _) = block_on(checkpoint.open(options())).unwrap();
    check_sentences(&checkpoint, &vectors, &encoder);
}

#[test]
fn wrong_files_are_errors_that_name_the_problem() {
    let folder = std::env::temp_dir().join(format!("mcdrl-pretrained-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("weights.pth");
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        LiteCheckpoint::from_state_dict(&path).unwrap_err().to_string()
    };
    assert!(error(b"").contains("not a readable PyTorch file"));
    assert!(error(b"no weights at all").contains("not a readable PyTorch file"));
    if let Some((weights, _)) = folders() {
        let whole = read(&weights.join("efficientnet-lite0.pth"));
        for length in [whole.len() / 1000, whole.len() / 2, whole.len() - 1] {
            let said = error(&whole[..length]);
            assert!(said.contains("cut off"), "{length}: {said}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();

    let error =
        |config: &str| SentenceCheckpoint::from_files(config, b"{}", b"").unwrap_err().to_string();
    assert!(error("").contains("config.json"));
    let other = r#"{"model_type": "roberta", "hidden_act": "gelu", "vocab_size": 1, "max_position_embeddings": 1,
        "type_vocab_size": 1, "hidden_size": 1, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 1,
        "layer_norm_eps": 1e-5}"#;
    assert!(error(other).contains("roberta"));
    assert!(error(&other.replace("roberta", "bert")).contains("tokenizer.json"));
}
