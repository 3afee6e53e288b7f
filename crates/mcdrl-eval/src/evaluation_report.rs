//! The report of an evaluation.

use crate::evaluate::{Evaluation, SiteScore};
use crate::numbers::spread;
use crate::report::Report;

/// The tables and plots of an evaluation.
pub fn evaluation_report(title: &str, introduction: &str, evaluation: &Evaluation) -> Report {
    let mut report = Report::new(title, introduction);
    report.heading("By site");
    let head = [
        "site",
        "images",
        "dice",
        "lesion dice",
        "by group [95 %]",
        "5th percentile",
        "failed",
        "small lesions",
        "false area",
        "iou",
        "acc",
        "hd95",
        "assd",
        "missed",
        "precision",
        "recall",
        "specificity",
        "ece",
        "dice calibration",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(evaluation.sites.iter().chain([&evaluation.total]).map(site_row));
    report.table(&rows);
    report.paragraph(
        "dice: mean over the classes of an image, or over all lesions if classes cannot be compared. lesion dice, \
         iou, hd95, assd: all lesions of an image together, distances in pixels. by group: the mean lesion dice of each \
         patient or video, averaged, with a bootstrap interval. failed: share of images with a lesion dice below 0.5. small \
         lesions: those that cover less than 5 % of the frame. false area: share of a lesion-free frame that is wrongly \
         marked. precision, recall, specificity: \
         frames with a lesion against frames without. ece: expected calibration error over pixels. dice calibration: how far the expected lesion dice is from the true one. Numbers are the mean ± \
         standard deviation over images.",
    );
    report.dice_plot(evaluation);
    if !evaluation.classes.is_empty() {
        report.heading("By class");
        let mut head = vec!["site".to_owned()];
        head.extend(evaluation.classes.iter().cloned());
        let mut rows = vec![head];
        for site in evaluation.sites.iter().chain([&evaluation.total]) {
            let mut row = vec![site.name.clone()];
            row.extend(site.class_dice.iter().map(|s| spread(s.mean, s.std, 3)));
            rows.push(row);
        }
        report.table(&rows);
    }
    report.heading("Threshold");
    let auroc = spread(evaluation.pixel_auroc, None, 4);
    report.paragraph(&format!(
        "A pixel is a lesion above the threshold. Sensitivity and specificity are over all pixels; the area under their curve \
         is {auroc}. lesion dice: the mean over the images that have a lesion."
    ));
    report.roc_plot(&evaluation.thresholds);
    let head = ["threshold", "lesion dice", "sensitivity", "specificity"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(evaluation.thresholds.iter().map(|score| {
        let share = |value| spread(value, None, 3);
        let threshold = format!("{:.2}", score.threshold);
        vec![
            threshold,
            share(score.lesion_dice),
            share(score.sensitivity),
            share(score.specificity),
        ]
    }));
    report.table(&rows);
    report.heading("Calibration");
    report.reliability_plot(&evaluation.reliability);
    report
}

fn site_row(site: &SiteScore) -> Vec<String> {
    let share = |value: Option<f64>| spread(value, None, 3);
    vec![
        site.name.clone(),
        site.images.to_string(),
        spread(site.dice.mean, site.dice.std, 3),
        spread(site.lesion_dice.mean, site.lesion_dice.std, 3),
        site.lesion_dice_by_group.to_string(),
        share(site.lesion_dice_p5),
        share(site.failed),
        spread(site.small_lesion_dice.mean, site.small_lesion_dice.std, 3),
        share(site.false_positive_area.mean),
        spread(site.iou.mean, site.iou.std, 3),
        spread(site.acc.mean, site.acc.std, 3),
        spread(site.hd95.mean, site.hd95.std, 1),
        spread(site.assd.mean, site.assd.std, 1),
        site.missed.to_string(),
        share(site.precision),
        share(site.recall),
        share(site.specificity),
        share(site.ece),
        share(site.dice_calibration_error),
    ]
}
