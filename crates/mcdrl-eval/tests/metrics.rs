//! The metrics match MONAI's numbers and have the properties of their definitions.

use std::{error::Error, fs, path::Path};

use mcdrl_eval::metrics::{
    CALIBRATION_BINS, Calibration, Detection, Foreground, Interval, MaskPair, Summary, quantile,
    score_calibration_error,
};
use serde_json::Value;

/// Written by tests/reference/metrics.py.
const VECTORS: &str = "../../tests/conformance/metrics_monai.json";

/// MONAI computes in single precision, so the tolerance is relative above 1.
const TOLERANCE: f64 = 1e-6;

type TestResult = Result<(), Box<dyn Error>>;

#[test]
fn agrees_with_monai() -> TestResult {
    let vectors: Value = serde_json::from_slice(&fs::read(
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(VECTORS),
    )?)?;
    let cases = vectors["cases"].as_array().ok_or("no cases")?;
    assert!(cases.len() >= 12, "only {} cases", cases.len());
    for case in cases {
        let name = case["name"].as_str().ok_or("a case without a name")?;
        let (prediction, truth) = (mask(&case["prediction"])?, mask(&case["truth"])?);
        let pair = MaskPair::new(&prediction, &truth, size(case, "width")?, size(case, "height")?)?;
        for (key, scores) in case["scores"].as_object().ok_or("no scores")? {
            let of = match key.as_str() {
                "any" => Foreground::Any,
                class => Foreground::Class(class.parse()?),
            };
            let found = [
                ("accuracy", Some(pair.accuracy(of))),
                ("dice", pair.dice(of)),
                ("iou", pair.iou(of)),
                ("hd95", pair.hd95(of)),
                ("assd", pair.assd(of)),
            ];
            for (metric, found) in found {
                let expected = scores.get(metric).ok_or("a score is missing")?.as_f64();
                assert!(
                    close(found, expected),
                    "{name}, class {key}, {metric}: {found:?} instead of MONAI's {expected:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn overlap_and_surface_scores_are_symmetric() -> TestResult {
    let (a, b) = (square(20, 3, 4, 7), square(20, 6, 8, 9));
    let forth = MaskPair::new(&a, &b, 20, 20)?;
    let back = MaskPair::new(&b, &a, 20, 20)?;
    for score in [MaskPair::dice, MaskPair::iou, MaskPair::hd95, MaskPair::assd] {
        assert!(score(&forth, Foreground::Any).is_some());
        assert!(close(score(&forth, Foreground::Any), score(&back, Foreground::Any)));
    }
    Ok(())
}

#[test]
fn identical_masks_score_perfectly() -> TestResult {
    let mask = square(20, 5, 0, 8);
    let pair = MaskPair::new(&mask, &mask, 20, 20)?;
    assert_eq!(pair.dice(Foreground::Any), Some(1.0));
    assert_eq!(pair.iou(Foreground::Any), Some(1.0));
    assert_eq!(pair.hd95(Foreground::Any), Some(0.0));
    assert_eq!(pair.assd(Foreground::Any), Some(0.0));
    assert_eq!(pair.label_accuracy(), 1.0);
    Ok(())
}

#[test]
fn hd95_of_a_shifted_square_is_the_shift() -> TestResult {
    // The far side of the square is more than 5 % of its edge. It moves by the whole shift, if the shift is small.
    let truth = square(64, 10, 10, 20);
    for shift in 0..=6 {
        let prediction = square(64, 10 + shift, 10, 20);
        let pair = MaskPair::new(&prediction, &truth, 64, 64)?;
        assert_eq!(pair.hd95(Foreground::Any), Some(shift as f64));
    }
    Ok(())
}

#[test]
fn surface_distances_are_euclidean() -> TestResult {
    let (prediction, truth) = (square(64, 3, 50, 1), square(64, 33, 10, 1));
    let pair = MaskPair::new(&prediction, &truth, 64, 64)?;
    assert_eq!(pair.hd95(Foreground::Any), Some(50.0));
    assert_eq!(pair.assd(Foreground::Any), Some(50.0));
    Ok(())
}

#[test]
fn the_margin_around_the_lesion_does_not_matter() -> TestResult {
    let (small_a, small_b) = (square(12, 0, 0, 7), square(12, 4, 3, 8));
    let (large_a, large_b) = (square(40, 13, 21, 7), square(40, 17, 24, 8));
    let small = MaskPair::new(&small_a, &small_b, 12, 12)?;
    let large = MaskPair::new(&large_a, &large_b, 40, 40)?;
    for score in [MaskPair::dice, MaskPair::iou, MaskPair::hd95, MaskPair::assd] {
        assert_eq!(score(&small, Foreground::Any), score(&large, Foreground::Any));
    }
    Ok(())
}

#[test]
fn masks_of_another_size_are_refused() {
    assert!(MaskPair::new(&[0; 6], &[0; 6], 3, 2).is_ok());
    assert!(MaskPair::new(&[0; 6], &[0; 4], 3, 2).is_err());
    assert!(MaskPair::new(&[0; 4], &[0; 6], 3, 2).is_err());
    assert!(MaskPair::new(&[0; 6], &[0; 6], 2, 2).is_err());
    assert!(MaskPair::new(&[], &[], 0, 2).is_err());
    assert!(MaskPair::new(&[], &[], usize::MAX, 2).is_err());
}

#[test]
fn detection_counts_frames() {
    let mut detection = Detection::default();
    assert_eq!(detection.precision(), None);
    assert_eq!(detection.recall(), None);
    assert_eq!(detection.specificity(), None);
    for (predicted, present) in
        [(true, true), (true, false), (false, false), (false, false), (false, true)]
    {
        detection.add(predicted, present);
    }
    let expected =
        Detection { true_positive: 1, false_positive: 1, true_negative: 2, false_negative: 1 };
    assert_eq!(detection, expected);
    assert_eq!(detection.precision(), Some(0.5));
    assert_eq!(detection.recall(), Some(0.5));
    assert_eq!(detection.specificity(), Some(2.0 / 3.0));
}

#[test]
fn ece_of_perfectly_calibrated_pixels_is_zero() {
    let mut calibration = Calibration::default();
    assert_eq!(calibration.ece(), None);
    for percent in 1..=100 {
        for pixel in 0..100 {
            calibration.add(percent as f32 / 100.0, pixel < percent);
        }
    }
    assert!(close(calibration.ece(), Some(0.0)));
    let bins = calibration.bins();
    assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 10_000);
    assert!(bins.iter().all(|bin| close(bin.confidence, bin.accuracy)));
    for bin in bins {
        assert!(bin.confidence.is_some_and(|mean| bin.lower < mean && mean < bin.upper));
    }
    assert_eq!((bins[0].lower, bins[CALIBRATION_BINS - 1].upper), (0.0, 1.0));
}

#[test]
fn expected_scores_are_compared_in_tenths() {
    assert_eq!(score_calibration_error([]), None);
    assert!(close(score_calibration_error([(0.85, 0.8), (0.85, 0.9)]), Some(0.0)));
    // Gaps of different tenths do not cancel.
    assert!(close(score_calibration_error([(0.95, 0.75), (0.35, 0.55)]), Some(0.2)));
    assert!(close(score_calibration_error([(1.0, 1.0), (0.0, 0.0)]), Some(0.0)));
}

#[test]
fn ece_is_the_weighted_gap() {
    let mut calibration = Calibration::default();
    // Two of three pixels are right at 0.75, and one of one at 0.5: (3 · |2/3 − 0.75| + |1 − 0.5|) / 4.
    for (confidence, correct) in [(0.75, true), (0.75, true), (0.75, false), (0.5, true)] {
        calibration.add(confidence, correct);
    }
    assert!(close(calibration.ece(), Some(0.1875)));
}

#[test]
fn confidence_outside_the_bins_is_counted() {
    let mut calibration = Calibration::default();
    for confidence in [-0.5, 0.0, 1.0, 1.5] {
        calibration.add(confidence, true);
    }
    let bins = calibration.bins();
    assert_eq!((bins[0].count, bins[CALIBRATION_BINS - 1].count), (2, 2));
    calibration.add(f32::NAN, true);
    assert!(calibration.ece().is_some_and(f64::is_nan));
}

#[test]
fn summary_skips_undefined_scores() {
    let summary: Summary = [Some(1.0), None, Some(2.0), Some(6.0)].into_iter().collect();
    assert_eq!((summary.mean, summary.count), (Some(3.0), 3));
    assert!(close(summary.std, Some(7f64.sqrt())));
    let single: Summary = [Some(4.0)].into_iter().collect();
    assert_eq!(single, Summary { mean: Some(4.0), std: None, count: 1 });
    let nothing: Summary = [None].into_iter().collect();
    assert_eq!(nothing, Summary { mean: None, std: None, count: 0 });
}

/// A square frame with a square of class 1 in it.
fn square(frame: usize, left: usize, top: usize, side: usize) -> Vec<u8> {
    let inside = |i: usize, from: usize| (from..from + side).contains(&i);
    (0..frame * frame)
        .map(|i| u8::from(inside(i % frame, left) && inside(i / frame, top)))
        .collect()
}

fn mask(rows: &Value) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut classes = Vec::new();
    for row in rows.as_array().ok_or("no rows")? {
        classes.extend(row.as_str().ok_or("a row that is not text")?.bytes().map(|b| b - b'0'));
    }
    Ok(classes)
}

fn size(case: &Value, key: &str) -> Result<usize, Box<dyn Error>> {
    Ok(case[key].as_u64().ok_or("a size is missing")?.try_into()?)
}

fn close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => {
            (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
        }
        (None, None) => true,
        _ => false,
    }
}

#[test]
fn an_interval_is_over_groups_not_frames() {
    // One group with many good frames does not outweigh another.
    let good = (0..98).map(|_| ("a", Some(1.0)));
    let frames: Vec<_> = good.chain([("b", Some(0.0)), ("b", None)]).collect();
    let interval = Interval::of_groups(frames);
    assert_eq!((interval.mean, interval.groups), (Some(0.5), 2));
    assert_eq!(interval.interval, Some([0.0, 1.0]));
    let single = Interval::of_groups([("a", Some(0.4)), ("a", Some(0.8))]);
    assert!((single.mean.unwrap() - 0.6).abs() < 1e-9 && single.interval.is_none());
    assert_eq!(Interval::of_groups([("a", None)]).mean, None);
}

#[test]
fn an_interval_holds_the_true_mean_about_19_times_in_20() {
    use rand::{Rng, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let held = (0..300).filter(|_| {
        let scores: Vec<f64> = names.iter().map(|_| random.random_range(0.0..1.0)).collect();
        let scores = names.iter().map(String::as_str).zip(scores.iter().copied().map(Some));
        let [low, high] = Interval::of_groups(scores).interval.unwrap();
        (low..=high).contains(&0.5)
    });
    let held = held.count();
    assert!((270..=295).contains(&held), "{held} of 300");
}

#[test]
fn a_quantile_is_a_value_that_a_share_does_not_reach() {
    let values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
    assert_eq!(quantile(values, 0.05), Some(5.0));
    assert_eq!(quantile(vec![3.0], 0.05), Some(3.0));
    assert_eq!(quantile(Vec::new(), 0.05), None);
}
