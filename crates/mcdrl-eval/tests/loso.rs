//! The leave-one-site-out protocol.

use std::sync::Mutex;

use burn::tensor::Device;
use mcdrl_data::Dataset;
use mcdrl_eval::{LosoReport, LosoRequest, Variant, loso};
use mcdrl_synth::{SynthConfig, write_dataset};
use mcdrl_train::{PretrainConfig, TrainConfig};
use tempfile::TempDir;

fn two_sites() -> (TempDir, Dataset) {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config =
        SynthConfig { sites: 2, images: 16, size: 64, tied: true, ..SynthConfig::default() };
    write_dataset(&config, &data, |_| {}).unwrap();
    let dataset = Dataset::open(&data).unwrap();
    (folder, dataset)
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
    let mut config = TrainConfig::default();
    config.schedule.epochs = 1;
    config.schedule.intervention_start_epoch = 0;
    config.schedule.patience = 0;
    config.data.batch_size = 8;
    config.optimizer.learning_rate = 0.002;
    config.model.input_size = 64;
    config
}

#[test]
fn the_protocol_never_tests_on_training_sites_and_compares_four_variants() {
    let (_folder, mut dataset) = two_sites();
    // Sites of different sizes, so that they cannot be confused.
    dataset.sites[1].samples.truncate(12);
    let config = config();
    let sites: Vec<String> = dataset.sites.iter().map(|site| site.name.clone()).collect();
    let request = LosoRequest {
        dataset: &dataset,
        foundation: None,
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
    // Two jobs give the same results as one.
    let alone = loso(&LosoRequest { jobs: 1, ..request }, &Device::flex(), &|_, _| {}).unwrap();
    let dice = |report: &LosoReport| -> Vec<Option<f64>> {
        report.runs.iter().map(|run| run.score.dice.mean).collect()
    };
    assert_eq!(dice(&report), dice(&alone));
}
