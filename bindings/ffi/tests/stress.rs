//! Many calls at once; apart from the other tests, whose waiting times it would lengthen.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mcdrl_ffi::{Device, ImageSegmenter, ImageSource, ModelSource, SegmenterOptions};

#[test]
fn a_thousand_calls_from_eight_threads_leave_memory_flat() {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let assets = PathBuf::from(here).join("../../crates/mcdrl/assets");
    let model = std::fs::read(assets.join("demo.safetensors")).unwrap();
    let image = std::fs::read(assets.join("samples/site-b/images/00000.png")).unwrap();
    let options = SegmenterOptions { device: Device::Cpu, threads: None };
    let segmenter =
        ImageSegmenter::open(ModelSource::Bytes { bytes: model }, options, None, None).unwrap();
    let segment = || {
        let source = ImageSource::Encoded { bytes: image.clone() };
        segmenter.segment(source, None).unwrap()
    };
    let expected = segment().category_mask;
    let done = AtomicUsize::new(0);
    let round = |calls: usize| {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..calls {
                        let found = segment();
                        assert!(found.category_mask == expected);
                        assert_eq!(found.maps.uncertainty().len(), 4 * expected.len());
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
    };
    round(25);
    let before = resident();
    round(100);
    let after = resident();
    assert_eq!(done.load(Ordering::Relaxed), 1000);
    match (before, after) {
        (Some(before), Some(after)) => {
            assert!(after as f64 <= before as f64 * 1.05, "{before} KiB grew to {after} KiB");
        }
        _ => println!("skipped: this system does not tell a process's memory"),
    }
}

/// Resident memory, KiB.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
