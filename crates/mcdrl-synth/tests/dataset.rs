//! Synthetic sites as a dataset folder.

use mcdrl_data::Dataset;
use mcdrl_synth::{SynthConfig, synthesize_frame, write_dataset};
use tempfile::TempDir;

#[test]
fn a_written_dataset_reads_back_unchanged() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let config = SynthConfig { sites: 2, images: 5, size: 64, ..SynthConfig::default() };
    write_dataset(&config, &data, |_| {}).unwrap();
    let dataset = Dataset::open(&data).unwrap();
    assert_eq!(dataset.profile.classes.len(), 5);
    assert_eq!(dataset.samples().count(), 10);
    let sample = &dataset.site("site-b").unwrap().samples[3];
    let frame = synthesize_frame(&config, 1, 3);
    let read = dataset.load(sample).unwrap();
    assert_eq!((read.image, read.mask), (frame.image, frame.mask));
    let factors = sample.factors.as_ref().unwrap();
    assert_eq!(factors.confounders.len(), 12);
    assert_eq!(factors.class.is_some(), frame.factors.class.is_some());
}
