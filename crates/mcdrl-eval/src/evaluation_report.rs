//! The report of an evaluation.

use crate::evaluate::{Evaluation, GroupScore};
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
        "iou",
        "acc",
        "hd95",
        "assd",
        "missed",
        "precision",
        "recall",
        "specificity",
        "ece",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(evaluation.sites.iter().chain([&evaluation.total]).map(group_row));
    report.table(&rows);
    report.paragraph(
        "dice: mean over the classes of an image, or over all lesions if classes cannot be compared. lesion dice, \
         iou, hd95, assd: all lesions of an image together, distances in pixels. precision, recall, specificity: \
         frames with a lesion against frames without. ece: expected calibration error over pixels. Numbers are the mean ± \
         standard deviation over images.",
    );
    report.dice_plot(evaluation);
    if !evaluation.classes.is_empty() {
        report.heading("By class");
        let mut head = vec!["site".to_owned()];
        head.extend(evaluation.classes.iter().cloned());
        let mut rows = vec![head];
        for group in evaluation.sites.iter().chain([&evaluation.total]) {
            let mut row = vec![group.name.clone()];
            row.extend(group.class_dice.iter().map(|s| spread(s.mean, s.std, 3)));
            rows.push(row);
        }
        report.table(&rows);
    }
    report.heading("Calibration");
    report.reliability_plot(&evaluation.reliability);
    report
}

fn group_row(group: &GroupScore) -> Vec<String> {
    let share = |value: Option<f64>| spread(value, None, 3);
    vec![
        group.name.clone(),
        group.images.to_string(),
        spread(group.dice.mean, group.dice.std, 3),
        spread(group.lesion_dice.mean, group.lesion_dice.std, 3),
        spread(group.iou.mean, group.iou.std, 3),
        spread(group.acc.mean, group.acc.std, 3),
        spread(group.hd95.mean, group.hd95.std, 1),
        spread(group.assd.mean, group.assd.std, 1),
        group.missed.to_string(),
        share(group.precision),
        share(group.recall),
        share(group.specificity),
        share(group.ece),
    ]
}
