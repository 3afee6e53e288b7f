//! Training as a whole: it learns, it is reproducible, and a killed run goes on as if nothing had happened.

use std::sync::Mutex;

use burn::tensor::Device;
use mcdrl_data::synth::{SynthConfig, write_dataset};
use mcdrl_data::{AugmentConfig, Dataset, Sample};
use mcdrl_model::clip::ClipCheckpoint;
use mcdrl_model::{DictionaryLearning, Model, Precision, Weighting};
use mcdrl_train::{
    EpochRecord, Error, LoadedSamples, LosoRequest, PretrainConfig, Progress, Silent, TrainConfig,
    TrainRequest, Variant, loso, pretrain, train,
};
use tempfile::TempDir;

struct Setting {
    folder: TempDir,
    dataset: Dataset,
    samples: LoadedSamples,
    clip: ClipCheckpoint,
}

fn setting() -> Setting {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config = SynthConfig { sites: 2, images: 16, size: 64, ..SynthConfig::default() };
    write_dataset(&config, &data, |_| {}).unwrap();
    let dataset = Dataset::open(&data).unwrap();
    let all: Vec<Sample> = dataset.samples().cloned().collect();
    let samples = LoadedSamples::load(&dataset, &all, 64).unwrap();
    let bytes =
        pretrain(&samples, &dataset.profile, &small_clip(), &Device::flex(), &mut Silent).unwrap();
    let clip = ClipCheckpoint::from_safetensors(&bytes, None).unwrap();
    Setting { folder, dataset, samples, clip }
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

fn config() -> TrainConfig {
    TrainConfig {
        epochs: 4,
        warm_up: 2,
        batch_size: 8,
        learning_rate: 0.002,
        input_size: 64,
        patience: 0,
        ..TrainConfig::default()
    }
}

impl Setting {
    fn request<'a>(&'a self, config: &'a TrainConfig) -> TrainRequest<'a> {
        TrainRequest {
            clip: &self.clip,
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

/// Stops the process's run in the middle of an epoch, as a kill would.
struct KilledAt(usize, usize);

impl Progress for KilledAt {
    fn step(&mut self, epoch: usize, step: usize, _steps: usize, _loss: f32) {
        if (epoch, step) == (self.0, self.1) {
            std::panic::resume_unwind(Box::new("killed"));
        }
    }
    fn epoch(&mut self, _record: &EpochRecord, _epochs: usize) {}
}

fn history(model: &Model) -> Vec<EpochRecord> {
    serde_json::from_value(model.header.provenance["training"]["history"].clone()).unwrap()
}

#[test]
fn a_killed_run_goes_on_bit_for_bit() {
    let setting = setting();
    let config = config();
    let request = setting.request(&config);
    let folder = setting.folder.path().join("run");
    let device = Device::flex();
    let unbroken_folder = setting.folder.path().join("unbroken");
    let unbroken = train(&request, Some(&unbroken_folder), false, &device, &mut Silent).unwrap();

    for (epoch, step) in [(1, 2), (3, 3), (4, 1)] {
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut progress = KilledAt(epoch, step);
            train(&request, Some(&folder), true, &Device::flex(), &mut progress)
        }));
        assert!(killed.is_err(), "the run was not killed");
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
fn the_loss_falls_and_a_seed_means_the_same_again() {
    let setting = setting();
    let config = TrainConfig {
        epochs: 12,
        warm_up: 1,
        augment: AugmentConfig::none(),
        average_decay: 0.5,
        ..config()
    };
    let model = setting.train(&config);
    let records = history(&model);
    let (first, last) = (&records[0], &records[records.len() - 1]);
    assert!(last.segmentation < 0.75 * first.segmentation, "{records:#?}");
    assert!(last.validation_dice.unwrap() > 0.35, "{records:#?}");

    let short = TrainConfig { epochs: 2, ..config };
    let again = |seed| history(&setting.train(&TrainConfig { seed, ..short.clone() }));
    assert_eq!(again(7), again(7));
    assert_ne!(again(7), again(8));
}

#[test]
fn an_intervention_that_never_joins_is_refused() {
    let setting = setting();
    let config = TrainConfig { epochs: 2, warm_up: 2, ..config() };
    let refused = train(&setting.request(&config), None, false, &Device::flex(), &mut Silent);
    assert!(matches!(refused, Err(Error::Config(problem)) if problem.contains("warm_up")));
}

#[test]
fn another_clip_cannot_go_on_with_a_run() {
    let setting = setting();
    let config = config();
    let folder = setting.folder.path().join("other-clip");
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut progress = KilledAt(2, 1);
        train(&setting.request(&config), Some(&folder), false, &Device::flex(), &mut progress)
    }));
    assert!(killed.is_err(), "the run was not killed");
    let other = PretrainConfig { seed: 8, ..small_clip() };
    let bytes =
        pretrain(&setting.samples, &setting.dataset.profile, &other, &Device::flex(), &mut Silent);
    let other = ClipCheckpoint::from_safetensors(&bytes.unwrap(), None).unwrap();
    let request = TrainRequest { clip: &other, ..setting.request(&config) };
    let refused = train(&request, Some(&folder), true, &Device::flex(), &mut Silent);
    assert!(matches!(refused, Err(Error::Checkpoint { problem, .. }) if problem.contains("CLIP")));
}

#[test]
fn without_validation_the_last_epoch_is_kept() {
    let setting = setting();
    let config = TrainConfig { epochs: 3, warm_up: 1, ..config() };
    let nothing = LoadedSamples::load(&setting.dataset, &[], 64).unwrap();
    let request = TrainRequest { validation: &nothing, ..setting.request(&config) };
    let model = train(&request, None, false, &Device::flex(), &mut Silent).unwrap();
    assert_eq!(model.header.provenance["training"]["best_epoch"], 3);
}

#[test]
fn every_kind_of_dictionary_and_weighting_trains() {
    let setting = setting();
    for dictionary in
        [DictionaryLearning::Frozen, DictionaryLearning::Tuned, DictionaryLearning::Clustered]
    {
        for weighting in [Weighting::Attention, Weighting::Backdoor] {
            let config = TrainConfig { epochs: 2, warm_up: 1, dictionary, weighting, ..config() };
            let model = setting.train(&config);
            let records = history(&model);
            assert!(records.iter().all(|record| record.loss.is_finite()));
            let distance = model.network.dictionary.text_pull().into_scalar::<f32>();
            // Half a model of two epochs: the frozen stays, the tuned moves a little, the clustered began
            // elsewhere.
            match dictionary {
                DictionaryLearning::Frozen => assert!(distance < 1e-9, "{distance}"),
                DictionaryLearning::Tuned => assert!(distance > 1e-9, "{distance}"),
                DictionaryLearning::Clustered => assert!(distance > 1e-2, "{distance}"),
            }
        }
    }
}

#[test]
fn the_protocol_never_tests_on_what_it_trained_on_and_compares_four_variants() {
    let mut setting = setting();
    // Sites of different sizes, so that one cannot be taken for the other.
    setting.dataset.sites[1].samples.truncate(12);
    let config = TrainConfig { epochs: 1, warm_up: 0, ..config() };
    let sites: Vec<String> = setting.dataset.sites.iter().map(|site| site.name.clone()).collect();
    let request = LosoRequest {
        dataset: &setting.dataset,
        clip: None,
        pretrain: &PretrainConfig { batch_size: 8, ..small_clip() },
        config: &config,
        seeds: &[1],
        variants: &Variant::ALL,
        left_out: &sites,
        jobs: 2,
    };
    let heard = Mutex::new(Vec::new());
    let report = loso(&request, &Device::flex(), &|runs, total| {
        heard.lock().unwrap().push((runs.len(), total));
    });
    let report = report.unwrap();
    assert_eq!(*heard.lock().unwrap(), (1..=8).map(|done| (done, 8)).collect::<Vec<_>>());
    assert_eq!(report.runs.len(), 8);
    for run in &report.runs {
        assert_eq!(run.score.images, if run.site == sites[0] { 16 } else { 12 });
    }
    assert_eq!(report.rows().len(), 5);
    assert_eq!(report.variants(), Variant::ALL);
    // Side by side or one after the other is the same.
    let alone = loso(&LosoRequest { jobs: 1, ..request }, &Device::flex(), &|_, _| {}).unwrap();
    let dice = |report: &mcdrl_train::LosoReport| -> Vec<Option<f64>> {
        report.runs.iter().map(|run| run.score.dice.mean).collect()
    };
    assert_eq!(dice(&report), dice(&alone));
}
