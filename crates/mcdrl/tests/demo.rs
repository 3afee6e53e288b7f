//! The embedded model on the bundled samples: its origin, its results, and equal results on every device.

use std::path::PathBuf;

use mcdrl::{
    DeviceChoice, Image, Mask, Model, OpenOptions, Profile, Segmentation, Segmenter, demo,
};
use serde_json::{Value, json};

fn on_cpu() -> Segmenter {
    Segmenter::open_blocking(demo::MODEL, OpenOptions::on(DeviceChoice::Cpu)).unwrap()
}

fn segment_all(segmenter: &Segmenter) -> Vec<Segmentation> {
    let images: Vec<Image> =
        demo::SAMPLES.iter().map(|sample| Image::decode(sample.image).unwrap()).collect();
    segmenter.segment_batch(&images.iter().collect::<Vec<_>>()).unwrap()
}

#[test]
fn the_model_is_small_and_states_its_origin() {
    assert!(demo::MODEL.len() <= 8 << 20);
    let header = Model::read_header(demo::MODEL).unwrap();
    let statement = header.provenance["statement"].as_str().unwrap();
    for word in ["not for clinical use", "HyperKvasir", "vocalfolds", "CC BY 4.0"] {
        assert!(statement.contains(word), "{statement}");
    }
    let sites = header.provenance["images_by_site"].as_object().unwrap();
    assert!(!sites.contains_key("clinicdb"), "clinicdb must not be training data");
    assert!(sites.contains_key("kvasir") && sites.contains_key("larynx"));
    // Words and limits of hints are those of the profile in the repository.
    let shown = |profile: Profile| -> Vec<_> {
        let confounders = profile.confounders.into_iter();
        confounders.map(|c| (c.name, c.family, c.words, c.everywhere, c.hint_presence)).collect()
    };
    assert_eq!(shown(header.profile), shown(Profile::endoscopy()));
}

#[test]
fn lesions_of_the_samples_are_found() {
    assert!(demo::SAMPLES.len() >= 12);
    let mut dice = Vec::new();
    for (sample, segmentation) in demo::SAMPLES.iter().zip(segment_all(&on_cpu())) {
        let truth = Mask::decode(sample.mask).unwrap();
        let lesion =
            |mask: &Mask| -> Vec<bool> { mask.classes().iter().map(|c| *c != 0).collect() };
        let (truth, found) = (lesion(&truth), lesion(&segmentation.mask));
        let count = |mask: &[bool]| mask.iter().filter(|lesion| **lesion).count();
        let both = truth.iter().zip(&found).filter(|(a, b)| **a && **b).count();
        if count(&truth) > 0 {
            dice.push(2.0 * both as f64 / (count(&truth) + count(&found)) as f64);
        }
        let weights: f32 = segmentation.confounders.iter().map(|c| c.weight).sum();
        assert!((weights - 1.0).abs() < 1e-3);
    }
    let mean = dice.iter().sum::<f64>() / dice.len() as f64;
    assert!(mean > 0.6, "mean Dice {mean} of {dice:?}");
}

/// The reference answers for all platforms.
fn conformance() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    PathBuf::from(here).join("../../tests/conformance/answers.json")
}

/// A mask as text that any language reads without a decoder: class and length of every run, row-major.
fn runs(mask: &Mask) -> String {
    let runs = mask.classes().chunk_by(|a, b| a == b);
    let runs: Vec<String> = runs.map(|run| format!("{} {}", run[0], run.len())).collect();
    runs.join(" ")
}

/// The classes that [`runs`] wrote.
fn classes(runs: &str) -> Vec<u8> {
    let numbers: Vec<usize> = runs.split(' ').map(|number| number.parse().unwrap()).collect();
    numbers.chunks_exact(2).flat_map(|run| std::iter::repeat_n(run[0] as u8, run[1])).collect()
}

/// With `MCDRL_WRITE_CONFORMANCE` set, writes the answers instead. Do this after a change of the model, not of the code.
#[test]
fn the_answers_match_the_stored_ones() {
    let file = conformance();
    let sha256 = Model::read_header(demo::MODEL).unwrap().sha256;
    let segmentations = segment_all(&on_cpu());
    let samples = || demo::SAMPLES.iter().zip(&segmentations);
    if std::env::var_os("MCDRL_WRITE_CONFORMANCE").is_some() {
        let images = samples().map(|(sample, segmentation)| {
            let confounders = segmentation.confounders.iter();
            let (weights, presences): (
                serde_json::Map<String, Value>,
                serde_json::Map<String, Value>,
            ) = confounders
                .map(|c| ((c.name.clone(), json!(c.weight)), (c.name.clone(), json!(c.presence))))
                .unzip();
            let mask = &segmentation.mask;
            let mask =
                json!({ "width": mask.width(), "height": mask.height(), "runs": runs(mask) });
            json!({
                "site": sample.site,
                "name": sample.name,
                "mask": mask,
                "confounders": weights,
                "presences": presences,
                "unfamiliar": segmentation.unfamiliar,
                "expected_dice": segmentation.expected_dice,
            })
        });
        let answers = json!({
            "model_sha256": sha256,
            "tolerance": { "share_of_differing_pixels": 0.002, "confounder_weight": 0.001, "presence": 0.005 },
            "images": images.collect::<Vec<_>>(),
        });
        std::fs::write(file, format!("{answers:#}\n")).unwrap();
        return;
    }
    let answers: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(answers["model_sha256"], sha256, "the answers belong to another model");
    let tolerance = |what: &str| answers["tolerance"][what].as_f64().unwrap();
    let images = answers["images"].as_array().unwrap();
    assert_eq!(images.len(), demo::SAMPLES.len());
    for ((sample, segmentation), answer) in samples().zip(images) {
        assert_eq!((&answer["site"], &answer["name"]), (&json!(sample.site), &json!(sample.name)));
        let stored = classes(answer["mask"]["runs"].as_str().unwrap());
        let found = segmentation.mask.classes();
        assert_eq!(stored.len(), found.len());
        let differing = stored.iter().zip(found).filter(|(a, b)| a != b).count() as f64;
        let (share, image) = (differing / stored.len() as f64, &answer["name"]);
        assert!(share <= tolerance("share_of_differing_pixels"), "{image}: {share}");
        let scores = [
            ("unfamiliar", segmentation.unfamiliar),
            ("expected_dice", segmentation.expected_dice),
        ];
        for (score, found) in scores {
            let stored = answer[score].as_f64().unwrap();
            let difference = (stored - f64::from(found)).abs();
            assert!(difference <= tolerance("presence"), "{image}: {score} {stored}");
        }
        for confounder in &segmentation.confounders {
            let stored = answer["confounders"][&confounder.name].as_f64().unwrap();
            let difference = (stored - f64::from(confounder.weight)).abs();
            assert!(difference <= tolerance("confounder_weight"), "{image}: {confounder:?}");
            let stored = answer["presences"][&confounder.name].as_f64().unwrap();
            let difference = (stored - f64::from(confounder.presence)).abs();
            assert!(difference <= tolerance("presence"), "{image}: {confounder:?}");
        }
    }
}

#[test]
fn a_batch_gives_the_results_of_its_images() {
    let segmenter = on_cpu();
    let together = segment_all(&on_cpu());
    for (sample, together) in demo::SAMPLES.iter().zip(together).take(3) {
        let alone = segmenter.segment(&Image::decode(sample.image).unwrap()).unwrap();
        let (a, b) = (alone.confidence_mask(0).unwrap(), together.confidence_mask(0).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}

#[cfg(feature = "gpu")]
#[test]
fn the_gpu_matches_the_cpu() {
    let options = OpenOptions {
        // A software driver compiles its kernels slowly.
        gpu_limit: std::time::Duration::from_secs(600),
        ..OpenOptions::on(DeviceChoice::Gpu)
    };
    let gpu = match Segmenter::open_blocking(demo::MODEL, options) {
        Ok(segmenter) => segmenter,
        Err(error @ mcdrl::Error::Device(_)) => {
            println!("skipped: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert_eq!(gpu.device().kind.name(), "gpu");
    // Single images and a batch, because a GPU runs other kernels for a batch of one.
    let cpu = segment_all(&on_cpu());
    let images: Vec<Image> =
        demo::SAMPLES[..4].iter().map(|sample| Image::decode(sample.image).unwrap()).collect();
    let alone = images.iter().take(2).map(|image| gpu.segment(image).unwrap());
    let mut compared: Vec<_> = cpu.iter().zip(alone).collect();
    let together = gpu.segment_batch(&images.iter().collect::<Vec<_>>()).unwrap();
    compared.extend(cpu.iter().zip(together));
    for (cpu, gpu) in compared {
        let differing =
            cpu.mask.classes().iter().zip(gpu.mask.classes()).filter(|(a, b)| a != b).count();
        assert!(differing * 500 < cpu.mask.classes().len(), "{differing} pixels differ");
        for (a, b) in cpu.confounders.iter().zip(&gpu.confounders) {
            assert!((a.weight - b.weight).abs() < 1e-3, "{a:?} {b:?}");
        }
    }
}

#[test]
fn unknown_devices_are_refused() {
    let error = "quantum".parse::<DeviceChoice>().unwrap_err();
    assert!(error.to_string().contains("quantum"), "{error}");
}
