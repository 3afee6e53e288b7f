//! Tests the interface of the packages from Rust.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mcdrl_ffi::{
    CallbackError, Cancellation, CategoryMask, CreationListener, CreationStage, Device, Image,
    ImageSegmenter, LogLevel, LogSink, ModelSource, Segmentation, SegmenterError, SegmenterOptions,
    YuvColors, YuvLayout, set_log_sink,
};
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../..")
}

fn model() -> ModelSource {
    let path = root().join("crates/mcdrl/assets/demo.safetensors");
    ModelSource::Path { path: path.to_string_lossy().into_owned() }
}

fn on_cpu() -> SegmenterOptions {
    SegmenterOptions { device: Device::Cpu, ..SegmenterOptions::default() }
}

fn open() -> Arc<ImageSegmenter> {
    ImageSegmenter::open(model(), on_cpu(), None, Cancellation::new()).unwrap()
}

fn sample(site: &str, name: &str) -> Vec<u8> {
    let path = root().join(format!("crates/mcdrl/assets/samples/{site}/images/{name}.png"));
    std::fs::read(path).unwrap()
}

fn picture() -> Arc<Image> {
    Image::decode(&sample("site-b", "00000")).unwrap()
}

fn answers() -> Value {
    let path = root().join("tests/conformance/answers.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The error of `result`. `unwrap_err` would need printable segmentations.
fn error<T>(result: Result<T, SegmenterError>) -> SegmenterError {
    result.err().expect("an error")
}

#[test]
fn the_library_gives_the_stored_answers() {
    let segmenter = open();
    let answers = answers();
    for answer in answers["images"].as_array().unwrap() {
        let (site, name) = (answer["site"].as_str().unwrap(), answer["name"].as_str().unwrap());
        let image = Image::decode(&sample(site, name)).unwrap();
        let found = segmenter.segment(image, Cancellation::new()).unwrap();
        let runs = answer["mask"]["runs"].as_str().unwrap();
        let runs: Vec<usize> = runs.split(' ').map(|number| number.parse().unwrap()).collect();
        let stored: Vec<u8> = runs
            .chunks_exact(2)
            .flat_map(|run| std::iter::repeat_n(run[0] as u8, run[1]))
            .collect();
        let mask = found.category_mask().classes;
        let pairs = stored.iter().zip(mask.iter());
        let share = pairs.filter(|(a, b)| a != b).count() as f64 / stored.len() as f64;
        assert_eq!(stored.len(), found.category_mask().classes.len());
        assert!(share <= answers["tolerance"]["share_of_differing_pixels"].as_f64().unwrap());
        let is_near = |stored: &Value, found: f32, tolerance: &str| {
            let tolerance = answers["tolerance"][tolerance].as_f64().unwrap();
            (stored.as_f64().unwrap() - f64::from(found)).abs() <= tolerance
        };
        let weights = floats(&found.confounder_weights());
        let presences = floats(&found.confounder_presences());
        let confounders = segmenter.confounders();
        assert_eq!((weights.len(), presences.len()), (confounders.len(), confounders.len()));
        for (confounder, (weight, presence)) in
            confounders.iter().zip(weights.iter().zip(presences))
        {
            let (stored, name) = (&answer["confounders"][&confounder.name], &confounder.name);
            assert!(is_near(stored, *weight, "confounder_weight"), "{name}: {weight}");
            let stored = &answer["presences"][name];
            assert!(is_near(stored, presence, "presence"), "{name}: {presence}");
        }
        let unfamiliar = found.unfamiliar();
        assert!(is_near(&answer["unfamiliar"], unfamiliar, "presence"), "{unfamiliar}");
    }
}

#[test]
fn the_maps_agree_with_the_mask() {
    let segmenter = open();
    let labels = segmenter.labels();
    assert_eq!(labels, ["background", "polyp", "laryngeal lesion"]);
    let found = segmenter.segment(picture(), Cancellation::new()).unwrap();
    let pixels = found.category_mask().classes.len();
    let CategoryMask { width, height, classes: mask } = found.category_mask();
    assert_eq!((width * height) as usize, pixels);
    let masks: Vec<Vec<f32>> =
        (0..3).map(|label| floats(&found.confidence_mask(label).unwrap())).collect();
    assert!(found.confidence_mask(3).is_none());
    for pixel in (0..pixels).step_by(97) {
        let sum: f32 = masks.iter().map(|mask| mask[pixel]).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        assert_eq!(mask[pixel] == 0, masks[0][pixel] >= 0.5);
    }
    let fractions = floats(&found.class_fractions());
    let lesion = mask.iter().filter(|class| **class != 0).count();
    assert!((fractions.iter().sum::<f32>() - lesion as f32 / pixels as f32).abs() < 1e-4);
    assert_eq!(floats(&found.class_confidences()).len(), fractions.len());
    let uncertainty = floats(&found.uncertainty());
    assert!(uncertainty.len() == pixels && uncertainty.iter().all(|u| (0.0..=1.0).contains(u)));
    let regions = found.regions();
    let cells = (regions.rows * regions.columns) as usize;
    assert_eq!(floats(&regions.similarity).len(), cells);
    assert_eq!(regions.retained.len(), cells);
    assert_eq!(regions.confounders.len(), segmenter.confounders().len());
}

#[test]
fn confounders_have_a_presence_and_an_area() {
    let segmenter = open();
    let confounders = segmenter.confounders();
    let usual = confounders.iter().filter(|confounder| !confounder.is_disturbance);
    let usual: Vec<&str> = usual.map(|confounder| confounder.name.as_str()).collect();
    assert_eq!(usual, ["white-light"]);
    let found = segmenter.segment(picture(), Cancellation::new()).unwrap();
    for shares in [found.confounder_presences(), found.confounder_areas()] {
        let shares = floats(&shares);
        assert_eq!(shares.len(), confounders.len());
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    }
    assert!((0.0..=1.0).contains(&found.unfamiliar()));
    for doses in found.regions().confounders {
        assert!(floats(&doses).iter().all(|dose| (0.0..=1.0).contains(dose)));
    }
}

#[test]
fn bad_input_gives_the_listed_errors() {
    let path = root().join("tests/conformance/bad_inputs.json");
    let list: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let segmenter = open();
    let frames = list["frames"].as_array().unwrap();
    assert!(frames.len() >= 10);
    for bad in frames {
        let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let planes = bad["planes"].as_array().unwrap();
        let zeros = |plane: usize| {
            let length = planes.get(plane).map_or(0, |plane| number(&plane["length"]));
            vec![0; length as usize]
        };
        let stride =
            |plane: usize, which: &str| planes.get(plane).map_or(0, |plane| number(&plane[which]));
        let (width, height) = (number(&bad["width"]), number(&bad["height"]));
        let rotation = number(&bad["rotation"]);
        let image = match bad["format"].as_str().unwrap() {
            "rgb" => {
                let (row, pixel) = (stride(0, "row_stride"), stride(0, "pixel_stride"));
                Image::rgb(&zeros(0), width, height, row, pixel, rotation, false)
            }
            _ => {
                let layout = YuvLayout {
                    width,
                    height,
                    y_row_stride: stride(0, "row_stride"),
                    color_row_stride: stride(1, "row_stride"),
                    color_pixel_stride: stride(1, "pixel_stride"),
                    colors: YuvColors::Bt601Full,
                    rotation,
                    mirrored: false,
                };
                Image::yuv420(&zeros(0), &zeros(1), &zeros(2), layout)
            }
        };
        let found = error(image);
        let right = match bad["error"].as_str().unwrap() {
            "input" => matches!(found, SegmenterError::Input(_)),
            _ => matches!(found, SegmenterError::ImageTooLarge(_)),
        };
        assert!(right, "{}: {found:?}", bad["name"]);
    }
    // The segmenter still works after the errors.
    segmenter.segment(picture(), Cancellation::new()).unwrap();

    let none = SegmenterOptions { threads: Some(0), ..on_cpu() };
    let refused = error(ImageSegmenter::open(model(), none, None, Cancellation::new()));
    assert!(matches!(refused, SegmenterError::Input(_)));
}

#[test]
fn closing_twice_and_using_a_closed_segmenter_are_errors() {
    let segmenter = open();
    // Closing rejects waiting calls. The current call ends normally.
    let results: Vec<_> = thread::scope(|scope| {
        let waiting: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| segmenter.segment(picture(), Cancellation::new())))
            .collect();
        thread::sleep(Duration::from_millis(5));
        segmenter.shut_down().unwrap();
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let closed = results.iter().filter(|result| matches!(result, Err(SegmenterError::Closed)));
    assert!(closed.count() >= 1);
    let wrong = |result: &&Result<Arc<Segmentation>, SegmenterError>| {
        !matches!(result, Ok(_) | Err(SegmenterError::Closed))
    };
    assert_eq!(results.iter().filter(wrong).count(), 0);
    assert_eq!(segmenter.shut_down(), Err(SegmenterError::Closed));
    assert_eq!(error(segmenter.segment(picture(), Cancellation::new())), SegmenterError::Closed);
    assert_eq!(
        error(segmenter.segment_for_video(picture(), 1, Cancellation::new())),
        SegmenterError::Closed
    );
}

#[test]
fn only_the_newest_frame_waits() {
    let segmenter = open();
    let frames = 30;
    let segmented: Vec<bool> = thread::scope(|scope| {
        let mut waiting = Vec::new();
        for timestamp in 0..frames {
            let segmenter = &segmenter;
            waiting.push(scope.spawn(move || {
                match segmenter.segment_for_video(picture(), timestamp, Cancellation::new()) {
                    Ok(found) => found.is_some(),
                    // Threads may overtake each other. Then the older frame is refused.
                    Err(error) => {
                        assert!(matches!(error, SegmenterError::Input(_)), "{error:?}");
                        false
                    }
                }
            }));
            thread::sleep(Duration::from_millis(2));
        }
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = segmented.iter().filter(|done| **done).count();
    assert!(count >= 1 && count < segmented.len(), "{count} of {frames}");
    assert!(segmented[segmented.len() - 1], "the newest frame is always segmented");
    let late = error(segmenter.segment_for_video(picture(), frames - 1, Cancellation::new()));
    assert!(matches!(late, SegmenterError::Input(_)), "{late:?}");
    assert!(segmenter.segment_for_video(picture(), frames, Cancellation::new()).unwrap().is_some());
}

struct Listener(Mutex<Vec<CreationStage>>);

impl CreationListener for Listener {
    fn on_stage(&self, stage: CreationStage) -> Result<(), CallbackError> {
        self.0.lock().unwrap().push(stage);
        Err(CallbackError::Thrown("the segmenter ignores exceptions of the listener".into()))
    }
}

struct Lines(Mutex<Vec<(LogLevel, String)>>);

impl LogSink for Lines {
    fn log(&self, level: LogLevel, message: String) -> Result<(), CallbackError> {
        self.0.lock().unwrap().push((level, message));
        Ok(())
    }
}

#[test]
fn listeners_receive_the_stages_and_the_log() {
    let (listener, lines) =
        (Arc::new(Listener(Mutex::default())), Arc::new(Lines(Mutex::default())));
    set_log_sink(Some(lines.clone()));
    ImageSegmenter::open(model(), on_cpu(), Some(listener.clone()), Cancellation::new()).unwrap();
    set_log_sink(None);
    let heard = listener.0.lock().unwrap().clone();
    assert_eq!(heard, [CreationStage::Device, CreationStage::Model, CreationStage::WarmUp]);
    let lines = lines.0.lock().unwrap();
    assert!(lines.iter().any(|(level, text)| *level == LogLevel::Info && text.contains("cpu")));
}

/// Cancels at the stage `Model`.
struct Impatient(Arc<Cancellation>);

impl CreationListener for Impatient {
    fn on_stage(&self, stage: CreationStage) -> Result<(), CallbackError> {
        if stage == CreationStage::Model {
            self.0.cancel();
        }
        Ok(())
    }
}

#[test]
fn creation_can_be_cancelled() {
    let cancellation = Cancellation::new();
    let listener = Arc::new(Impatient(cancellation.clone()));
    let refused = error(ImageSegmenter::open(model(), on_cpu(), Some(listener), cancellation));
    assert_eq!(refused, SegmenterError::Cancelled);
}

#[test]
fn the_number_of_threads_does_not_change_the_mask() {
    let alone = SegmenterOptions { threads: Some(1), ..on_cpu() };
    let (one, all) =
        (ImageSegmenter::open(model(), alone, None, Cancellation::new()).unwrap(), open());
    let (one, all) = (
        one.segment(picture(), Cancellation::new()).unwrap(),
        all.segment(picture(), Cancellation::new()).unwrap(),
    );
    let (one, all) = (one.category_mask().classes, all.category_mask().classes);
    let differing = one.iter().zip(all.iter()).filter(|(a, b)| a != b);
    assert!(differing.count() * 500 < one.len());
}
