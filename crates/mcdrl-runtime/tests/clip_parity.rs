//! CLIP matches the public implementations. `shared/data/clip` has three small checkpoints in the public layouts and the
//! outputs of Hugging Face transformers and open_clip for them.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_image::Image;
use mcdrl_model::clip::{Clip, DenseFeatures};
use mcdrl_runtime::{ClipCheckpoint, ClipTokenizer, Error, Preprocess, Weights};
#[cfg(feature = "gpu")]
use mcdrl_runtime::{DeviceChoice, DeviceKind, OpenOptions};

const TOLERANCE: f32 = 1e-4;

fn folder(name: &str) -> Option<PathBuf> {
    let beside = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../../../shared/data");
    let data = std::env::var_os("MCDRL_SHARED_DATA").map_or(beside, PathBuf::from);
    let folder = data.join("clip").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no reference vectors at {}; set MCDRL_SHARED_DATA", folder.display());
    None
}

fn read(folder: &Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

fn checkpoint(folder: &Path) -> ClipCheckpoint {
    let config = String::from_utf8(read(folder, "config.json")).unwrap();
    ClipCheckpoint::from_safetensors(&read(folder, "model.safetensors"), Some(&config)).unwrap()
}

fn tensor<const D: usize>(weights: &Weights, name: &str, device: &Device) -> Tensor<D> {
    let shape = weights.shape(name).unwrap().to_vec();
    Tensor::from_data(TensorData::new(weights.values(name).unwrap().to_vec(), shape), device)
}

fn assert_matches<const D: usize>(what: &str, found: Tensor<D>, expected: &Weights, name: &str) {
    let values: Vec<f32> = found.into_data().try_to_vec().unwrap();
    let expected = expected.values(name).unwrap();
    assert_eq!(values.len(), expected.len(), "{what}: {name}");
    let difference: f32 = values.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum();
    let norm: f32 = expected.iter().map(|b| b * b).sum();
    let error = (difference / norm).sqrt();
    println!("{what}: {name} {error:.1e}");
    assert!(error < TOLERANCE, "{what}: {name} has a relative error of {error:.1e}");
}

fn check(name: &str, device: &Device) {
    let Some(folder) = folder(name) else { return };
    check_clip(name, &folder, &checkpoint(&folder).init(device).unwrap());
}

fn check_clip(name: &str, folder: &Path, clip: &Clip) {
    let device = &clip.logit_scale.val().device();
    let expected = Weights::from_safetensors(&read(folder, "expected.safetensors")).unwrap();
    let pixels = tensor::<4>(&expected, "pixels", device);

    let values = clip.visual.forward(pixels.clone(), DenseFeatures::ValuePath);
    assert_matches(name, values.pooled, &expected, "image_embeds");
    if expected.contains("value_path_embeds") {
        assert_matches(name, values.dense, &expected, "value_path_embeds");
    }
    if expected.contains("patch_embeds") {
        let tokens = clip.visual.forward(pixels, DenseFeatures::Tokens);
        assert_matches(name, tokens.dense, &expected, "patch_embeds");
    }

    let texts: serde_json::Value = serde_json::from_slice(&read(folder, "texts.json")).unwrap();
    let texts: Vec<String> = serde_json::from_value(texts["texts"].clone()).unwrap();
    let embeds = ClipTokenizer::new().embed(clip, &texts);
    assert_matches(name, embeds, &expected, "text_embeds");

    let probe = Image::decode(&read(folder, "probe.png")).unwrap();
    let pixels = Preprocess::clip(probe.width()).batch(&[&probe], device);
    let probe = clip.visual.forward(pixels, DenseFeatures::ValuePath);
    assert_matches(name, probe.pooled, &expected, "probe_embeds");
}

#[test]
fn hugging_face_vit_matches_on_flex() {
    check("vit-hf", &Device::flex());
}

#[test]
fn openai_vit_matches_on_flex() {
    check("vit-openai", &Device::flex());
}

#[test]
fn openai_resnet_matches_on_flex() {
    check("rn-openai", &Device::flex());
}

#[cfg(feature = "ndarray")]
#[test]
fn all_match_on_ndarray() {
    #[allow(deprecated)]
    // This test checks that the deprecated backend still agrees.
    let device = Device::ndarray();
    for name in ["vit-hf", "vit-openai", "rn-openai"] {
        check(name, &device);
    }
}

#[cfg(feature = "gpu")]
#[test]
fn all_match_on_wgpu() {
    for name in ["vit-hf", "vit-openai", "rn-openai"] {
        let Some(folder) = folder(name) else { return };
        let options = OpenOptions {
            // A software driver compiles its kernels slowly.
            gpu_limit: std::time::Duration::from_secs(600),
            ..OpenOptions::on(DeviceChoice::Gpu)
        };
        match futures_lite::future::block_on(checkpoint(&folder).open(options)) {
            Ok((clip, device)) => {
                assert_eq!(device.kind, DeviceKind::Gpu);
                check_clip(name, &folder, &clip);
            }
            Err(error @ Error::Device(_)) => println!("skipped: {error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn token_ids_match_openai() {
    let Some(folder) = folder("vit-hf") else { return };
    let json: serde_json::Value = serde_json::from_slice(&read(&folder, "texts.json")).unwrap();
    let texts: Vec<String> = serde_json::from_value(json["texts"].clone()).unwrap();
    let expected: Vec<Vec<u16>> = serde_json::from_value(json["token_ids"].clone()).unwrap();
    let tokenizer = ClipTokenizer::new();
    for (text, expected) in texts.iter().zip(expected) {
        let end = expected.iter().position(|id| *id == 49407).unwrap();
        assert_eq!(tokenizer.encode(text), expected[..=end], "{text}");
    }
}

#[test]
fn long_texts_are_cut_at_the_context_length() {
    let tokens = ClipTokenizer::new().encode(&"polyp ".repeat(200));
    assert_eq!(tokens.len(), mcdrl_model::clip::CONTEXT_LENGTH);
    assert_eq!(tokens.last(), Some(&49407));
}

#[test]
fn half_precision_checkpoints_load() {
    let Some(folder) = folder("vit-openai") else { return };
    let bytes = read(&folder, "model.safetensors");
    let weights = Weights::from_safetensors(&bytes).unwrap();
    let half = weights.to_safetensors(mcdrl_runtime::Precision::Half);
    let config = String::from_utf8(read(&folder, "config.json")).unwrap();
    let clip = ClipCheckpoint::from_safetensors(&half, Some(&config)).unwrap();
    let clip = clip.init(&Device::flex()).unwrap();
    let expected = Weights::from_safetensors(&read(&folder, "expected.safetensors")).unwrap();
    let pixels = tensor::<4>(&expected, "pixels", &Device::flex());
    let found = clip.visual.forward(pixels, DenseFeatures::Tokens).pooled;
    let found: Vec<f32> = found.into_data().try_to_vec().unwrap();
    let expected = expected.values("image_embeds").unwrap();
    let difference: f32 = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum();
    assert!((difference / expected.iter().map(|b| b * b).sum::<f32>()).sqrt() < 1e-2);
}

#[test]
fn other_input_sizes_interpolate_the_position_embeddings() {
    for name in ["vit-hf", "rn-openai"] {
        let Some(folder) = folder(name) else { return };
        let checkpoint = checkpoint(&folder);
        let clip = checkpoint.init(&Device::flex()).unwrap();
        let side = checkpoint.config.vision.image_size();
        let stride = checkpoint.config.vision.stride();
        let pixels = Tensor::<4>::full([1, 3, side, side + 2 * stride], 0.3, &Device::flex());
        let features = clip.visual.forward(pixels, DenseFeatures::ValuePath);
        assert_eq!(features.grid, [side / stride, side / stride + 2]);
        let pooled: Vec<f32> = features.pooled.into_data().try_to_vec().unwrap();
        assert!(pooled.iter().all(|v| v.is_finite()));
    }
}

#[test]
fn errors_about_broken_checkpoints_name_the_tensor() {
    for (name, tensor) in [
        ("vit-hf", "vision_model.encoder.layers.1.mlp.fc1.weight"),
        ("vit-openai", "transformer.resblocks.1.attn.in_proj_weight"),
        ("rn-openai", "visual.layer2.0.bn1.running_mean"),
    ] {
        let Some(folder) = folder(name) else { return };
        let config = String::from_utf8(read(&folder, "config.json")).unwrap();
        let whole = Weights::from_safetensors(&read(&folder, "model.safetensors")).unwrap();
        let load = |weights: &Weights| {
            let bytes = weights.to_safetensors(mcdrl_runtime::Precision::Full);
            ClipCheckpoint::from_safetensors(&bytes, Some(&config))
                .and_then(|checkpoint| checkpoint.init(&Device::flex()))
        };
        let (shape, values) = whole.clone().remove(tensor).unwrap();

        let mut without = whole.clone();
        without.remove(tensor);
        let error = load(&without).unwrap_err();
        assert!(matches!(error, Error::MissingTensor { .. }), "{error}");
        assert!(error.to_string().contains(tensor), "{error}");

        let mut misshapen = whole.clone();
        misshapen.insert(tensor, vec![1, values.len()], values.clone());
        let error = load(&misshapen).unwrap_err();
        assert!(matches!(error, Error::TensorShape { .. }), "{error}");
        assert!(error.to_string().contains(tensor), "{error}");

        let mut poisoned = whole.clone();
        let mut values = values;
        values[0] = f32::NAN;
        poisoned.insert(tensor, shape, values);
        let error = load(&poisoned).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
        assert!(error.to_string().contains(tensor), "{error}");
    }
}
