//! Whole training runs: they learn, they are reproducible, and an interrupted run resumes exactly.

use std::path::Path;

use burn::tensor::Device;
use mcdrl_data::{AugmentConfig, Dataset, Sample};
use mcdrl_image::{Image, Mask};
use mcdrl_model::{CausalAttentionConfig, CausalInterventionConfig, Network};
use mcdrl_runtime::{ClipCheckpoint, Model, Precision, Weights};
use mcdrl_synth::{SynthConfig, write_dataset};
use mcdrl_train::{
    EpochRecord, Error, Foundation, Imposable, ImpositionConfig, LoadedSamples, PretrainConfig,
    Progress, Silent, TrainConfig, TrainRequest, pretrain, train,
};
use tempfile::TempDir;

struct Setting {
    folder: TempDir,
    dataset: Dataset,
    samples: LoadedSamples,
    foundation: Foundation,
}

fn setting() -> Setting {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config =
        SynthConfig { sites: 2, images: 16, size: 64, tied: true, ..SynthConfig::default() };
    write_dataset(&config, &data, |_| {}).unwrap();
    let dataset = Dataset::open(&data).unwrap();
    let all: Vec<Sample> = dataset.samples().cloned().collect();
    let samples = LoadedSamples::load(&dataset, &all, 64).unwrap();
    let bytes =
        pretrain(&samples, &dataset.profile, &small_clip(), &Device::flex(), &mut Silent).unwrap();
    let clip = ClipCheckpoint::from_safetensors(&bytes, None).unwrap();
    let foundation = Foundation::from_clip(&clip, &dataset.profile).unwrap();
    Setting { folder, dataset, samples, foundation }
}

fn small_clip() -> PretrainConfig {
    PretrainConfig {
        epochs: 1,
        batch_size: 16,
        input_size: 64,
        width: 8,
        embed_dim: 32,
        ..PretrainConfig::default()
    }
}

/// Four epochs; the intervention joins after two.
fn config() -> TrainConfig {
    let mut config = TrainConfig::default();
    config.schedule.epochs = 4;
    config.schedule.intervention_start_epoch = Some(2);
    config.schedule.patience = 0;
    config.data.batch_size = 8;
    config.optimizer.learning_rate = 0.002;
    config.model.input_size = 64;
    config
}

fn with_epochs(epochs: usize, intervention_start_epoch: usize) -> TrainConfig {
    let mut config = config();
    config.schedule.epochs = epochs;
    config.schedule.intervention_start_epoch = Some(intervention_start_epoch);
    config
}

impl Setting {
    fn request<'a>(&'a self, config: &'a TrainConfig) -> TrainRequest<'a> {
        TrainRequest {
            foundation: &self.foundation,
            profile: &self.dataset.profile,
            train: &self.samples,
            validation: &self.samples,
            data: "two sites".into(),
            config,
            provenance: serde_json::json!({}),
        }
    }

    fn train(&self, config: &TrainConfig) -> Model {
        train(&self.request(config), None, false, &Device::flex(), &mut Silent).unwrap()
    }
}

/// Stops a run in the middle of an epoch, like a killed process.
struct KilledAt(usize, usize);

impl Progress for KilledAt {
    fn step(&mut self, epoch: usize, step: usize, _steps: usize, _loss: f32) {
        if (epoch, step) == (self.0, self.1) {
            std::panic::resume_unwind(Box::new("killed"));
        }
    }
    fn epoch(&mut self, _record: &EpochRecord, _epochs: usize) {}
    fn readout(&mut self, _epoch: usize, _epochs: usize, _loss: f32) {}
}

fn history(model: &Model) -> Vec<EpochRecord> {
    serde_json::from_value(model.header.provenance["training"]["history"].clone()).unwrap()
}

#[test]
fn a_killed_run_resumes_bit_for_bit() {
    let setting = setting();
    // The read-out learns alone after six epochs.
    let config = with_epochs(8, 2);
    let request = setting.request(&config);
    let folder = setting.folder.path().join("run");
    let device = Device::flex();
    let unbroken_folder = setting.folder.path().join("unbroken");
    let unbroken = train(&request, Some(&unbroken_folder), false, &device, &mut Silent).unwrap();

    for (epoch, step) in [(1, 2), (3, 3), (8, 1)] {
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut progress = KilledAt(epoch, step);
            train(&request, Some(&folder), true, &Device::flex(), &mut progress)
        }));
        if let Ok(ended) = killed {
            panic!("the run was not killed: {:?}", ended.err());
        }
    }
    let other = TrainConfig { seed: 8, ..config.clone() };
    let refused = train(&setting.request(&other), Some(&folder), true, &device, &mut Silent);
    assert!(matches!(refused, Err(Error::Checkpoint { .. })));
    let refused = train(&request, Some(&folder), false, &device, &mut Silent);
    assert!(matches!(refused, Err(Error::Checkpoint { .. })));

    let resumed = train(&request, Some(&folder), true, &device, &mut Silent).unwrap();
    assert_eq!(history(&resumed), history(&unbroken));
    let bytes = |model: &Model| model.to_bytes(Precision::Full);
    assert!(bytes(&resumed) == bytes(&unbroken), "the models differ");
}

#[test]
fn the_loss_falls_and_equal_seeds_give_equal_runs() {
    let setting = setting();
    let mut config = with_epochs(12, 1);
    config.augment = AugmentConfig::none();
    config.optimizer.ema_decay = 0.5;
    let model = setting.train(&config);
    let records = history(&model);
    let (first, last) = (&records[0], &records[records.len() - 1]);
    assert!(last.segmentation < 0.75 * first.segmentation, "{records:#?}");
    assert!(last.validation_dice.unwrap() > 0.35, "{records:#?}");

    let mut short = config;
    short.schedule.epochs = 2;
    let again = |seed| history(&setting.train(&TrainConfig { seed, ..short.clone() }));
    assert_eq!(again(7), again(7));
    assert_ne!(again(7), again(8));
}

#[test]
fn an_intervention_that_never_joins_is_refused() {
    let setting = setting();
    let config = with_epochs(2, 2);
    let refused = train(&setting.request(&config), None, false, &Device::flex(), &mut Silent);
    assert!(
        matches!(refused, Err(Error::Config(problem)) if problem.contains("intervention_start_epoch"))
    );
}

#[test]
fn a_run_cannot_be_resumed_with_another_clip() {
    let setting = setting();
    let config = config();
    let folder = setting.folder.path().join("other-clip");
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut progress = KilledAt(2, 1);
        train(&setting.request(&config), Some(&folder), false, &Device::flex(), &mut progress)
    }));
    if let Ok(ended) = killed {
        panic!("the run was not killed: {:?}", ended.err());
    }
    let other = PretrainConfig { seed: 8, ..small_clip() };
    let bytes =
        pretrain(&setting.samples, &setting.dataset.profile, &other, &Device::flex(), &mut Silent);
    let other = ClipCheckpoint::from_safetensors(&bytes.unwrap(), None).unwrap();
    let other = Foundation::from_clip(&other, &setting.dataset.profile).unwrap();
    let request = TrainRequest { foundation: &other, ..setting.request(&config) };
    let refused = train(&request, Some(&folder), true, &Device::flex(), &mut Silent);
    assert!(matches!(refused, Err(Error::Checkpoint { problem, .. }) if problem.contains("CLIP")));
}

#[test]
fn without_validation_the_last_epoch_is_kept() {
    let setting = setting();
    let config = with_epochs(3, 1);
    let nothing = LoadedSamples::load(&setting.dataset, &[], 64).unwrap();
    let request = TrainRequest { validation: &nothing, ..setting.request(&config) };
    let model = train(&request, None, false, &Device::flex(), &mut Silent).unwrap();
    assert_eq!(model.header.provenance["training"]["best_epoch"], 3);
}

#[test]
fn every_kind_of_intervention_and_imposition_trains() {
    let setting = setting();
    let names = ["segmentation", "agreement", "doses", "removal", "causal"];
    for (intervention, pairs, expected) in [
        (CausalInterventionConfig::Removal, true, [true, true, true, true, false]),
        (CausalInterventionConfig::Removal, false, [true, false, false, false, false]),
        (
            CausalInterventionConfig::Attention(CausalAttentionConfig::default()),
            true,
            [true, true, true, false, true],
        ),
    ] {
        let mut config = with_epochs(2, 1);
        config.model.intervention = intervention;
        config.imposition = ImpositionConfig { share: 0.5, pairs, ..Default::default() };
        let model = setting.train(&config);
        let records = history(&model);
        assert!(records.iter().all(|record| record.loss.is_finite()));
        let last = &records[1];
        for (name, expected) in names.into_iter().zip(expected).skip(1) {
            assert_eq!(last.terms.contains_key(name), expected, "{intervention:?} {pairs} {name}");
        }
        let dictionary = &model.network.dictionary;
        let acting: Vec<f32> = dictionary.acting().into_data().try_to_vec().unwrap();
        // White light is the usual state, and near and far move pixels.
        assert_eq!(acting.iter().sum::<f32>(), 9.0);
        let prior: Vec<f32> = dictionary.prior().into_data().try_to_vec().unwrap();
        assert!((prior.iter().sum::<f32>() - 1.0).abs() < 1e-5 && prior[0] == 0.5);
    }
}

#[test]
fn the_read_out_learns_what_is_imposed() {
    let setting = setting();
    let mut config = with_epochs(20, 0);
    config.imposition = ImpositionConfig { share: 1.0, ..Default::default() };
    config.augment = AugmentConfig::geometric();
    let records = history(&setting.train(&config));
    let (first, last) = (&records[0].terms["doses"], &records[19].terms["doses"]);
    assert!(*last < 0.9 * first, "{first} {last}");
}

/// Keeps the losses of the read-out alone.
#[derive(Default)]
struct ReadoutLosses(Vec<f32>);

impl Progress for ReadoutLosses {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f32) {}
    fn epoch(&mut self, _record: &EpochRecord, _epochs: usize) {}
    fn readout(&mut self, _epoch: usize, _epochs: usize, loss: f32) {
        self.0.push(loss);
    }
}

#[test]
fn a_model_keeps_a_share_of_its_start_and_is_used_at_its_own_size() {
    let setting = setting();
    let mut config = with_epochs(1, 0);
    config.schedule.readout_epochs = 0;
    let start = setting.train(&config);
    let head =
        |model: &Model| Weights::of_module(&model.network.head).to_safetensors(Precision::Full);
    let of_start = head(&start);
    assert_eq!(start.header.preprocess.size, 64);

    let foundation = Foundation::from_model(start, &setting.dataset.profile).unwrap();
    let mut go_on = |share: f64| {
        config.optimizer.start_share = share;
        config.model.used_size = Some(96);
        let request = TrainRequest { foundation: &foundation, ..setting.request(&config) };
        train(&request, None, false, &Device::flex(), &mut Silent).unwrap()
    };
    let (kept, changed) = (go_on(1.0), go_on(0.0));
    assert!(head(&kept) == of_start && head(&changed) != of_start);
    assert_eq!((kept.header.preprocess.size, changed.header.preprocess.size), (96, 96));

    config.optimizer.start_share = 0.5;
    let refused = train(&setting.request(&config), None, false, &Device::flex(), &mut Silent);
    assert!(matches!(refused, Err(Error::Config(problem)) if problem.contains("start_share")));
}

#[test]
fn without_epochs_only_the_read_out_learns() {
    let setting = setting();
    let mut config = with_epochs(1, 0);
    config.schedule.readout_epochs = 0;
    let model = setting.train(&config);
    let parts = |model: &Model| {
        let bytes = |weights: Weights| weights.to_safetensors(Precision::Full);
        let Network { visual, readout, intervention, head, .. } = &model.network;
        let rest = [Weights::of_module(visual), Weights::of_module(intervention)].map(bytes);
        (bytes(Weights::of_module(readout)), rest, bytes(Weights::of_module(head)))
    };
    let (readout, rest, head) = parts(&model);

    let profile = &setting.dataset.profile;
    let foundation = Foundation::from_model(model, profile).unwrap();
    let mut config = with_epochs(0, 0);
    config.schedule.readout_epochs = 12;
    let request = TrainRequest { foundation: &foundation, ..setting.request(&config) };
    let mut losses = ReadoutLosses::default();
    let model = train(&request, None, false, &Device::flex(), &mut losses).unwrap();
    let ReadoutLosses(losses) = losses;
    // Then it learns from what it has seen.
    let (epochs, rehearsals) = losses.split_at(12);
    assert!(epochs[11] < 0.8 * epochs[0], "{losses:?}");
    assert!(rehearsals.last() < rehearsals.first(), "{losses:?}");
    let (readout_after, rest_after, head_after) = parts(&model);
    assert!(readout_after != readout && rest_after == rest && head_after == head);

    config.schedule.readout_epochs = 0;
    let refused = train(&setting.request(&config), None, false, &Device::flex(), &mut Silent);
    assert!(matches!(refused, Err(Error::Config(problem)) if problem.contains("readout_epochs")));
}

#[test]
fn another_kind_of_imaging_needs_only_a_profile() {
    let recipes = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../mcdrl/recipes/ultrasound/dataset.toml");
    let data = TempDir::new().unwrap();
    std::fs::copy(recipes, data.path().join("dataset.toml")).unwrap();
    let (width, height) = (70, 50);
    let grey: Vec<u8> = (0..width * height).flat_map(|at| [(at * 37 % 180) as u8; 3]).collect();
    let image = Image::from_rgb(width, height, grey).unwrap().encode_png().unwrap();
    let lesion = (0..width * height).map(|at| if at % width < 20 { 255 } else { 0 }).collect();
    let mask = Mask::from_classes(width, height, lesion).unwrap().encode_png().unwrap();
    for (folder, bytes) in [("images", image), ("masks", mask)] {
        let folder = data.path().join("clinic").join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        (0..4).for_each(|at| std::fs::write(folder.join(format!("{at}.png")), &bytes).unwrap());
    }
    let dataset = Dataset::open(data.path()).unwrap();
    assert_eq!(dataset.profile.classes, ["breast lesion"]);
    let imposable = Imposable::of(&dataset.profile).unwrap();
    assert_eq!(imposable.renderers().len(), dataset.profile.confounders.len());

    let all: Vec<Sample> = dataset.samples().cloned().collect();
    let samples = LoadedSamples::load(&dataset, &all, 64).unwrap();
    let untrained = ClipCheckpoint::untrained(&small_clip().architecture()).unwrap();
    let foundation = Foundation::from_clip(&untrained, &dataset.profile).unwrap();
    let config = with_epochs(1, 0);
    let request = TrainRequest {
        foundation: &foundation,
        profile: &dataset.profile,
        train: &samples,
        validation: &samples,
        data: "one clinic".into(),
        config: &config,
        provenance: serde_json::json!({}),
    };
    let model = train(&request, None, false, &Device::flex(), &mut Silent).unwrap();
    assert_eq!(model.header.profile, dataset.profile);
}

#[test]
fn the_papers_values_are_exact() {
    let paper = TrainConfig::paper();
    assert_eq!(paper.schedule.epochs, 50);
    assert_eq!(paper.schedule.intervention_start_epoch, Some(10));
    assert_eq!(TrainConfig::default().schedule.intervention_start(), 15);
    assert_eq!(paper.optimizer.learning_rate, 0.005);
    assert_eq!(paper.model.input_size, 224);
    let CausalInterventionConfig::Attention(attention) = paper.model.intervention else {
        panic!("the paper's intervention is attention");
    };
    assert_eq!(attention.layers, 3);
    let loss = &paper.loss;
    assert_eq!((loss.causal, loss.contrast, loss.temperature), (0.5, 0.1, 0.5));
    assert_eq!([loss.dice, loss.region, loss.auxiliary], [0.0; 3]);
    assert_eq!(paper.imposition.share, 0.0);
}

#[test]
fn all_faults_of_a_configuration_are_reported_at_once() {
    let vision = small_clip().architecture().vision;
    let parse = |text: &str| TrainConfig::from_toml(text, &vision);
    let wrong = "[optimizer]\nlearning_rate = nan\nema_decay = 1.0\n[data]\nbatch_size = 0\n\
                 [model]\ninput_size = 50\n[model.run.selection]\nalpha = 2.0\n[schedule]\nepochs = 5\n\
                 intervention_start_epoch = 9";
    let error = parse(wrong).unwrap_err().to_string();
    for word in ["learning_rate", "ema_decay", "batch_size", "input_size", "alpha", "never joins"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let error = parse("[augment]\nzoom = nan\n[imposition]\nshare = nan").unwrap_err().to_string();
    assert!(error.contains("zoom") && error.contains("share"), "{error}");
    let error = parse("[schedule]\nepoch = 2").unwrap_err().to_string();
    assert!(error.contains("epoch"), "{error}");
    let merged = parse("[schedule]\nepochs = 12\n[model.head]\nwidth = 24").unwrap();
    assert_eq!((merged.schedule.epochs, merged.model.head.width), (12, 24));
    assert_eq!(merged.schedule.patience, TrainConfig::default().schedule.patience);
}

#[test]
fn flat_keys_of_old_files_are_explained() {
    let vision = small_clip().architecture().vision;
    let old = "epochs = 8\nwarm_up = 2\naverage_decay = 0.99\n[loss]\ndice = 0.5";
    let error = TrainConfig::from_toml(old, &vision).unwrap_err().to_string();
    for words in [
        "`epochs` is now `schedule.epochs`",
        "`warm_up` is now `schedule.intervention_start_epoch`",
        "`average_decay` is now `optimizer.ema_decay`",
    ] {
        assert!(error.contains(words), "{error}");
    }
}
