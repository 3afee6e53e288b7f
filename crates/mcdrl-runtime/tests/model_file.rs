//! Model files and profiles: writing, reading, damaged files.

mod random_model;

use burn::tensor::{Device, Tensor};
use mcdrl_runtime::{Model, Precision, Profile, Weights};
use random_model::{assert_close, model, random};

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn a_written_model_file_reads_back_unchanged() {
    let device = Device::flex();
    let model = model(&device);
    let pixels = random([1, 3, 64, 64], &device);
    let before = values(model.network.forward(pixels.clone(), &model.run).logits);
    let bytes = model.to_bytes(Precision::Full);
    assert_eq!(bytes, model.to_bytes(Precision::Full));
    let read = Model::from_bytes(&bytes, &device).unwrap();
    assert_close(&values(read.network.forward(pixels.clone(), &read.run).logits), &before, 1e-6);
    assert_eq!(read.header.provenance["seed"], 7);

    let half = model.to_bytes(Precision::Half);
    assert!(half.len() < bytes.len() * 6 / 10);
    let read = Model::from_bytes(&half, &device).unwrap();
    assert_eq!(read.to_bytes(Precision::Half), half);

    // A running variance may be larger than any half-precision number.
    let mut weights = Weights::default();
    weights.insert("large", vec![2], vec![1e6, 1.0]);
    weights.insert("small", vec![2], vec![0.5, 1.0]);
    let bytes = weights.to_safetensors(Precision::Half);
    let read = Weights::from_safetensors(&bytes).unwrap();
    assert_eq!(read.values("large"), weights.values("large"));
    assert_eq!(read.values("small"), weights.values("small"));
}

#[test]
fn damaged_model_files_have_distinct_errors() {
    let device = Device::flex();
    let model = model(&device);
    let bytes = model.to_bytes(Precision::Full);
    let message = |bytes: &[u8]| Model::from_bytes(bytes, &device).unwrap_err().to_string();

    for length in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(message(&bytes[..length]).contains("safetensors"), "{length}");
    }
    let mut flipped = bytes.clone();
    let last = flipped.len() - 3;
    flipped[last] ^= 0x10;
    assert!(message(&flipped).contains("SHA-256"));

    let edit = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        let mut edited = bytes.clone();
        edited[at..at + to.len()].copy_from_slice(to.as_bytes());
        edited
    };
    let other = |version: &str| message(&edit(r#"{\"version\":3"#, version));
    assert!(other(r#"{\"version\":9"#).contains("version 9, but"));
    assert!(other(r#"{\"version\":9"#).contains("update mcdrl"));
    assert!(other(r#"{\"version\":1"#).contains("train the model again"));
    assert!(message(&edit(r#"{"mcdrl""#, r#"{"other""#)).contains("no MCDRL model"));
    assert!(message(&edit(r#"\"profile\""#, r#"\"prophet\""#)).contains("header is damaged"));
    // A changed word in the header is also detected.
    assert!(message(&edit("A healthy mucosa", "A wealthy mucosa")).contains("SHA-256"));
    assert!(message(b"not a model at all, just some text").contains("safetensors"));
}

#[test]
fn profiles_are_read_from_toml_and_checked() {
    let dermoscopy = r#"
        name = "dermoscopy"
        classes = ["melanoma", "naevus"]
        class_prompt = "A {class} in a dermoscopic image"
        background_prompt = "Healthy skin in a dermoscopic image"
        confounder_prompt = "A dermoscopic image with {domain}"
        causal_prompt = "A {class} with {domain}"
        confounders = [
            { name = "hair", family = "surface interference", domain = "hair" },
            { name = "ruler", family = "field of view", domain = "a ruler" },
        ]
    "#;
    let profile = Profile::from_toml(dermoscopy).unwrap();
    assert_eq!(profile.class_prompts()[1], "A naevus in a dermoscopic image");
    assert_eq!(profile.causal_prompts(0)[1], "A melanoma with a ruler");
    for (from, to, word) in [
        ("{class} in a", "lesion in a", "{class}"),
        ("confounders = [", "confounders = []\nrest = [", "rest"),
        ("classes = [\"melanoma\", \"naevus\"]", "classes = []", "classes"),
    ] {
        let error = Profile::from_toml(&dermoscopy.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    assert_eq!(Profile::endoscopy().confounders.len(), 12);
    let families: std::collections::BTreeSet<String> =
        Profile::endoscopy().confounders.into_iter().map(|c| c.family).collect();
    assert_eq!(families.len(), 5);
}
