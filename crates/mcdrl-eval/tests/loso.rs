//! The leave-one-site-out protocol.

use std::sync::Mutex;

use burn::tensor::{Device, Tensor};
use mcdrl_data::Dataset;
use mcdrl_eval::{LosoReport, LosoRequest, Report, Variant, loso};
use mcdrl_model::DoseSource;
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
    config.schedule.intervention_start_epoch = Some(0);
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
        variants: &Variant::PAPER,
        left_out: &sites,
        impose: None,
        jobs: 2,
        folder: None,
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
    assert_eq!(report.variants(), Variant::PAPER);
    // Two jobs give the same results as one.
    let alone = loso(&LosoRequest { jobs: 1, ..request }, &Device::flex(), &|_, _| {}).unwrap();
    let dice = |report: &LosoReport| -> Vec<Option<f64>> {
        report.runs.iter().map(|run| run.score.dice.mean).collect()
    };
    assert_eq!(dice(&report), dice(&alone));
}

#[test]
fn controls_share_the_full_model_and_a_protocol_continues_from_its_folder() {
    let (folder, dataset) = two_sites();
    let mut config = config();
    config.schedule.readout_epochs = 1;
    let sites = [dataset.sites[0].name.clone()];
    let out = folder.path().join("out");
    let request = LosoRequest {
        dataset: &dataset,
        foundation: None,
        pretrain: &PretrainConfig { batch_size: 8, ..small_clip() },
        config: &config,
        seeds: &[1, 2],
        variants: &[Variant::Pairs, Variant::OtherDoses, Variant::Full],
        left_out: &sites,
        impose: Some(0.7),
        jobs: 1,
        folder: Some(&out),
    };
    let report = loso(&request, &Device::flex(), &|_, _| {}).unwrap();
    assert_eq!(report.runs.len(), 6);
    for run in &report.runs {
        assert!(!run.images.is_empty());
        assert_eq!(run.lost.is_some(), run.variant != Variant::OtherDoses);
    }
    let trained = |name: &str| out.join("runs").join(name).join("model.safetensors");
    let full = trained(&format!("{}-1-full", sites[0]));
    assert!(full.is_file() && trained(&format!("{}-2-pairs", sites[0])).is_file());
    assert!(!trained(&format!("{}-1-other-doses", sites[0])).exists());
    let differences = report.differences();
    let references: Vec<Variant> =
        differences.iter().map(|difference| difference.reference).collect();
    assert_eq!(references, [Variant::Pairs, Variant::OtherDoses]);
    assert_eq!(differences[0].lesion_dice.groups, report.runs[0].images.len());

    let mut page = Report::new("protocol", "");
    report.write_to(&mut page, &dataset).unwrap();
    let page = page.to_html("protocol");
    assert!(page.contains("worst cases") && page.contains("class=bar"));

    let written = || std::fs::metadata(&full).unwrap().modified().unwrap();
    let before = written();
    let again = loso(&request, &Device::flex(), &|_, _| {}).unwrap();
    assert_eq!(written(), before);
    let values = |report: &LosoReport| serde_json::to_value(report).unwrap();
    assert_eq!(values(&again), values(&report));
    // Another configuration is trained anew.
    let mut other = config.clone();
    other.optimizer.learning_rate = 0.001;
    let request = LosoRequest { config: &other, ..request };
    loso(&request, &Device::flex(), &|_, _| {}).unwrap();
    assert_ne!(written(), before);
}

#[test]
fn another_pictures_doses_change_the_answer() {
    let doses = Tensor::<4>::from_floats([[[[0.1]]], [[[0.9]]]], &Device::flex());
    let values = |source: DoseSource| -> Vec<f32> {
        source.of(doses.clone()).into_data().try_to_vec().unwrap()
    };
    assert_eq!(values(DoseSource::Image), [0.1, 0.9]);
    assert_eq!(values(DoseSource::OtherImage), [0.9, 0.1]);
    assert_eq!(values(DoseSource::Constant), [0.5, 0.5]);
}
