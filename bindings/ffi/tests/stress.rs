//! What takes time, or is timed: apart from the other tests, and one after the other.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mcdrl_ffi::{
    Cancellation, Device, Image, ImageSegmenter, ModelSource, SegmenterError, SegmenterOptions,
};

fn assets() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    PathBuf::from(here).join("../../crates/mcdrl/assets")
}

fn open(cancellation: Arc<Cancellation>) -> Result<Arc<ImageSegmenter>, SegmenterError> {
    let model = std::fs::read(assets().join("demo.safetensors")).unwrap();
    let options = SegmenterOptions { device: Device::Cpu, threads: None };
    let model = ModelSource::Bytes { bytes: model.into() };
    ImageSegmenter::open(model, options, None, cancellation)
}

/// One at a time, for the sake of times.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_thousand_calls_from_eight_threads_leave_memory_flat() {
    let _alone = ALONE.lock();
    let segmenter = open(Cancellation::new()).unwrap();
    let image = std::fs::read(assets().join("samples/site-b/images/00000.png")).unwrap();
    let segment =
        || segmenter.segment(Image::decode(&image).unwrap(), Cancellation::new()).unwrap();
    let expected = segment().category_mask().classes;
    let done = AtomicUsize::new(0);
    let round = |calls: usize| {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..calls {
                        let found = segment();
                        assert!(found.category_mask().classes == expected);
                        assert_eq!(found.uncertainty().len(), 4 * expected.len());
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

#[test]
fn calling_costs_little_beside_the_model() {
    let _alone = ALONE.lock();
    let segmenter = open(Cancellation::new()).unwrap();
    // At the demonstration's 128², which is harder than CLIP's usual 224².
    let pixels: Vec<u8> = (0..224 * 224 * 4).map(|value| (value * 31) as u8).collect();
    let mut shares: Vec<f64> = (0..80)
        .map(|_| {
            let started = Instant::now();
            let image = Image::rgba(&pixels, 224, 224, 896, 4, 0, false).unwrap();
            let found = segmenter.segment(image, Cancellation::new()).unwrap();
            assert_eq!(found.category_mask().classes.len(), 224 * 224);
            let all = started.elapsed().as_secs_f64() * 1e3;
            (all - found.milliseconds()) / all
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    println!("calling overhead at 224²: {:.2} % of a segmentation (median)", 100.0 * shares[40]);
    assert!(shares[40] <= 0.03, "{}", shares[40]);
}

#[test]
fn cancelling_returns_at_once() {
    let _alone = ALONE.lock();
    let segmenter = open(Cancellation::new()).unwrap();
    let picture = || {
        let file = std::fs::read(assets().join("samples/site-b/images/00000.png")).unwrap();
        Image::decode(&file).unwrap()
    };
    let cancellation = Cancellation::new();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let result = segmenter.segment(picture(), cancellation.clone());
                    (result, Instant::now())
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(2));
        let cancelled = Instant::now();
        cancellation.cancel();
        let mut given_up = 0;
        for thread in waiting {
            let (result, at) = thread.join().unwrap();
            if let Err(error) = result {
                assert_eq!(error, SegmenterError::Cancelled);
                // One of the network's layers takes a few milliseconds.
                assert!(at.saturating_duration_since(cancelled) < Duration::from_millis(20));
                given_up += 1;
            }
        }
        assert!(given_up >= 3, "{given_up}");
    });
    assert!(cancellation.is_cancelled());
    let again = segmenter.segment(picture(), cancellation.clone());
    assert_eq!(again.err(), Some(SegmenterError::Cancelled));
    assert_eq!(open(cancellation).err(), Some(SegmenterError::Cancelled));
    segmenter.segment(picture(), Cancellation::new()).unwrap();
}
