//! Evaluation of a model on a dataset: per image, per class, per site.

use mcdrl_data::{Dataset, LabelledImage, Sample};
use mcdrl_runtime::{ConfounderWeight, LESION_BELOW, Segmentation, Segmenter};
use rayon::prelude::*;
use serde::Serialize;

use crate::metrics::{
    Calibration, CalibrationBin, Counts, Detection, Foreground, Interval, MaskPair, Summary,
    ThresholdScore, Thresholds, quantile, score_calibration_error,
};
use crate::{Error, Result};

/// A frame counts as one with a predicted lesion if predicted lesions cover more than this share of it.
pub const DETECTION_AREA: f64 = 0.002;

/// A lesion that covers less than this share of the frame is small.
pub const SMALL_LESION: f64 = 0.05;

/// A Dice below this is a failure.
pub const FAILED_DICE: f64 = 0.5;

/// The mask value of a predicted class that the dataset does not name: a lesion of another class.
const FOREIGN_CLASS: u8 = 254;

/// The scores of a model on a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The classes that are scored separately: those of the dataset if the model has all of them, else none.
    pub classes: Vec<String>,
    /// Every image.
    pub images: Vec<ImageScore>,
    /// Every site.
    pub sites: Vec<SiteScore>,
    /// All sites together.
    pub total: SiteScore,
    /// Accuracy for each confidence bin, over all pixels.
    pub reliability: Vec<CalibrationBin>,
    /// The scores of the lesion masks at other thresholds.
    pub thresholds: Vec<ThresholdScore>,
    /// The area under the ROC curve of the pixels: lesion against background.
    pub pixel_auroc: Option<f64>,
}

/// The scores of one image. Distances are in pixels of the image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageScore {
    /// The site.
    pub site: String,
    /// The image.
    pub name: String,
    /// The video or patient.
    pub group: String,
    /// Mean Dice over the classes of the truth. If classes cannot be compared, the Dice of all lesions together. `None` for
    /// a lesion-free image.
    pub dice: Option<f64>,
    /// All lesions together.
    pub lesion: Overlap,
    /// Class by class, in the order of [`Evaluation::classes`].
    pub by_class: Vec<Overlap>,
    /// Share of the pixels with the right label.
    pub acc: f64,
    /// Share of the frame that lesions cover in the truth.
    pub lesion_area: f64,
    /// Share of the frame that lesions cover in the prediction.
    pub predicted_area: f64,
    /// Whether the truth has a lesion.
    pub has_lesion: bool,
    /// Whether the prediction has one.
    pub predicted: bool,
    /// Mean uncertainty, 0..1.
    pub uncertainty: f32,
    /// The lesion Dice that the model expects.
    pub expected_dice: f32,
    /// The confounders, sorted by descending weight.
    pub confounders: Vec<ConfounderWeight>,
}

/// Overlap and distance of one foreground; `None` where it is undefined (see [`crate::metrics`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Overlap {
    /// Dice coefficient.
    pub dice: Option<f64>,
    /// Intersection over union.
    pub iou: Option<f64>,
    /// 95th percentile of the Hausdorff distance.
    pub hd95: Option<f64>,
    /// Average symmetric surface distance.
    pub assd: Option<f64>,
}

/// The scores of a site's images.
#[derive(Clone, Debug, Serialize)]
pub struct SiteScore {
    /// The site, or `all`.
    pub name: String,
    /// Number of images.
    pub images: usize,
    /// Images whose lesion was missed entirely. They have no distance.
    pub missed: usize,
    /// See [`ImageScore::dice`].
    pub dice: Summary,
    /// Dice of all lesions together.
    pub lesion_dice: Summary,
    /// The same, as the mean over groups with its interval.
    pub lesion_dice_by_group: Interval,
    /// The lesion Dice that a twentieth of the images does not reach.
    pub lesion_dice_p5: Option<f64>,
    /// Share of the images with a lesion Dice below 0.5.
    pub failed: Option<f64>,
    /// How far the expected lesion Dice is from the true one: [`score_calibration_error`].
    pub dice_calibration_error: Option<f64>,
    /// Dice of small lesions, below 5 % of the image.
    pub small_lesion_dice: Summary,
    /// Share of a lesion-free frame that is wrongly marked.
    pub false_positive_area: Summary,
    /// IoU of all lesions together.
    pub iou: Summary,
    /// Pixel accuracy.
    pub acc: Summary,
    /// HD95 of all lesions together.
    pub hd95: Summary,
    /// ASSD of all lesions together.
    pub assd: Summary,
    /// Dice of each class, in the order of [`Evaluation::classes`].
    pub class_dice: Vec<Summary>,
    /// Frames with and without a lesion.
    pub detection: Detection,
    /// Precision of the detection.
    pub precision: Option<f64>,
    /// Recall of the detection.
    pub recall: Option<f64>,
    /// Share of the lesion-free frames without a predicted lesion.
    pub specificity: Option<f64>,
    /// Expected calibration error over pixels.
    pub ece: Option<f64>,
}

/// Evaluates a model on samples. `done` is called with the number of finished images.
///
/// # Errors
/// The first image that cannot be read or segmented.
pub fn evaluate(
    segmenter: &Segmenter,
    dataset: &Dataset,
    samples: &[Sample],
    mut done: impl FnMut(usize),
) -> Result<Evaluation> {
    const BATCH: usize = 8;
    let matching =
        ClassMatching::new(&segmenter.header().profile.classes, &dataset.profile.classes);
    let mut images = Vec::with_capacity(samples.len());
    let mut calibrations: Vec<(String, Calibration)> = Vec::new();
    let mut whole = Calibration::default();
    let mut thresholds = Thresholds::default();
    for chunk in samples.chunks(BATCH) {
        let loaded: Vec<LabelledImage> = chunk
            .par_iter()
            .map(|sample| dataset.load(sample))
            .collect::<Result<_, mcdrl_data::Error>>()?;
        let pixels: Vec<_> = loaded.iter().map(|labelled| &labelled.image).collect();
        let segmentations = segmenter.segment_batch(&pixels)?;
        let scored: Vec<Scored> = chunk
            .par_iter()
            .zip(&loaded)
            .zip(&segmentations)
            .map(|((sample, truth), segmentation)| score(sample, truth, segmentation, &matching))
            .collect::<Result<_>>()?;
        for Scored { score, confidences, counts } in scored {
            thresholds.add(&counts);
            if calibrations.last().is_none_or(|(site, _)| *site != score.site) {
                calibrations.push((score.site.clone(), Calibration::default()));
            }
            let of_site = calibrations.last_mut().map(|(_, calibration)| calibration);
            for calibration in of_site.into_iter().chain([&mut whole]) {
                confidences
                    .iter()
                    .for_each(|(confidence, right)| calibration.add(*confidence, *right));
            }
            images.push(score);
        }
        done(images.len());
    }
    let sites = calibrations.iter().map(|(site, calibration)| {
        let of_site: Vec<&ImageScore> = images.iter().filter(|i| i.site == *site).collect();
        SiteScore::new(site, &of_site, &matching, calibration)
    });
    let sites = sites.collect();
    let total = SiteScore::new("all", &images.iter().collect::<Vec<_>>(), &matching, &whole);
    Ok(Evaluation {
        classes: matching.classes,
        images,
        sites,
        total,
        reliability: whole.bins().to_vec(),
        thresholds: thresholds.scores(),
        pixel_auroc: thresholds.auroc(),
    })
}

/// The mapping from the model's classes to those of the dataset.
struct ClassMatching {
    /// The dataset's classes, if they can be scored separately.
    classes: Vec<String>,
    /// The dataset's mask value for each mask value of the model, the background first.
    values: Vec<u8>,
}

impl ClassMatching {
    fn new(model: &[String], dataset: &[String]) -> Self {
        let place = |class: &String| dataset.iter().position(|other| other == class);
        let value = |class| place(class).map_or(FOREIGN_CLASS, |index| index as u8 + 1);
        let comparable = dataset.iter().all(|class| model.contains(class));
        Self {
            classes: if comparable { dataset.to_vec() } else { Vec::new() },
            values: std::iter::once(0).chain(model.iter().map(value)).collect(),
        }
    }
}

/// An image with what is summed over all.
struct Scored {
    score: ImageScore,
    /// Of every pixel: how sure the model is, and whether it is right.
    confidences: Vec<(f32, bool)>,
    counts: Counts,
}

fn score(
    sample: &Sample,
    truth: &LabelledImage,
    segmentation: &Segmentation,
    matching: &ClassMatching,
) -> Result<Scored> {
    let (width, height) = (truth.mask.width(), truth.mask.height());
    let prediction = segmentation.mask.clone().map(|class| matching.values[usize::from(class)]);
    let pair = MaskPair::new(prediction.classes(), truth.mask.classes(), width, height)
        .map_err(|source| Error::MaskSize { sample: sample.label(), source })?;
    let by_class: Vec<Overlap> = (1..=matching.classes.len())
        .map(|class| overlap(&pair, Foreground::Class(class as u8)))
        .collect();
    let lesion = overlap(&pair, Foreground::Any);
    // If the truth has no known classes, only the score of all lesions together is defined.
    let comparable =
        !matching.classes.is_empty() && !truth.mask.classes().contains(&mcdrl_data::UNKNOWN_CLASS);
    let class_dice: Summary = by_class.iter().map(|overlap| overlap.dice).collect();
    let background = segmentation.confidence_mask(0).unwrap_or_default();
    let confidences = background.iter().zip(truth.mask.classes()).map(|(background, truth)| {
        let says_lesion = *background < LESION_BELOW;
        (background.max(1.0 - background), says_lesion == (*truth != 0))
    });
    let lesions = background.iter().zip(truth.mask.classes());
    let counts = Counts::of(lesions.map(|(background, truth)| (1.0 - background, *truth != 0)));
    let mut confounders = segmentation.confounders.clone();
    confounders.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let area = |mask: &mcdrl_image::Mask| {
        let covered = mask.classes().iter().filter(|class| **class != 0).count();
        covered as f64 / (width * height) as f64
    };
    let (lesion_area, predicted_area) = (area(&truth.mask), area(&prediction));
    let score = ImageScore {
        site: sample.site.clone(),
        name: sample.name.clone(),
        group: sample.group.clone(),
        dice: if comparable { class_dice.mean } else { lesion.dice },
        lesion,
        by_class,
        acc: if comparable { pair.label_accuracy() } else { pair.accuracy(Foreground::Any) },
        lesion_area,
        predicted_area,
        has_lesion: lesion_area > 0.0,
        predicted: predicted_area > DETECTION_AREA,
        uncertainty: segmentation.uncertainty(),
        expected_dice: segmentation.expected_dice,
        confounders,
    };
    Ok(Scored { score, confidences: confidences.collect(), counts })
}

fn overlap(pair: &MaskPair<'_>, of: Foreground) -> Overlap {
    let distances = pair.surface_distances(of);
    Overlap {
        dice: pair.dice(of),
        iou: pair.iou(of),
        hd95: distances.as_ref().map(|d| d.hd95()),
        assd: distances.as_ref().map(|d| d.assd()),
    }
}

impl SiteScore {
    fn new(
        name: &str,
        images: &[&ImageScore],
        matching: &ClassMatching,
        calibration: &Calibration,
    ) -> Self {
        let summary = |value: &dyn Fn(&ImageScore) -> Option<f64>| -> Summary {
            images.iter().map(|image| value(image)).collect()
        };
        let mut detection = Detection::default();
        images.iter().for_each(|image| detection.add(image.predicted, image.has_lesion));
        let classes = 0..matching.classes.len();
        // Groups of different sites may have the same name.
        let named: Vec<(String, &ImageScore)> = images
            .iter()
            .map(|image| (format!("{}/{}", image.site, image.group), *image))
            .collect();
        let by_group = named.iter().map(|(group, image)| (group.as_str(), image.lesion.dice));
        let dices: Vec<f64> = images.iter().filter_map(|image| image.lesion.dice).collect();
        let failed = dices.iter().filter(|dice| **dice < FAILED_DICE).count() as f64;
        let is_small = |image: &ImageScore| image.has_lesion && image.lesion_area < SMALL_LESION;
        Self {
            name: name.into(),
            images: images.len(),
            missed: images.iter().filter(|i| i.has_lesion && i.lesion.hd95.is_none()).count(),
            dice: summary(&|image| image.dice),
            lesion_dice: summary(&|image| image.lesion.dice),
            lesion_dice_by_group: Interval::of_groups(by_group),
            failed: (!dices.is_empty()).then(|| failed / dices.len() as f64),
            lesion_dice_p5: quantile(dices, 0.05),
            dice_calibration_error: score_calibration_error(
                images
                    .iter()
                    .filter_map(|image| Some((f64::from(image.expected_dice), image.lesion.dice?))),
            ),
            small_lesion_dice: summary(&|image| image.lesion.dice.filter(|_| is_small(image))),
            false_positive_area: summary(&|image| {
                (!image.has_lesion).then_some(image.predicted_area)
            }),
            iou: summary(&|image| image.lesion.iou),
            acc: summary(&|image| Some(image.acc)),
            hd95: summary(&|image| image.lesion.hd95),
            assd: summary(&|image| image.lesion.assd),
            class_dice: classes.map(|class| summary(&|image| image.by_class[class].dice)).collect(),
            precision: detection.precision(),
            recall: detection.recall(),
            specificity: detection.specificity(),
            detection,
            ece: calibration.ece(),
        }
    }
}

impl Evaluation {
    /// Comma-separated values, one line per image.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from(
            "site,image,group,dice,lesion_dice,iou,acc,hd95,assd,has_lesion,predicted,uncertainty,\
             expected_dice,heaviest_confounder",
        );
        self.classes.iter().for_each(|class| csv.push_str(&format!(",dice_{}", quoted(class))));
        csv.push('\n');
        let number = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.4}"));
        for image in &self.images {
            let mut fields = vec![
                quoted(&image.site),
                quoted(&image.name),
                quoted(&image.group),
                number(image.dice),
                number(image.lesion.dice),
                number(image.lesion.iou),
                number(Some(image.acc)),
                number(image.lesion.hd95),
                number(image.lesion.assd),
                image.has_lesion.to_string(),
                image.predicted.to_string(),
                format!("{:.4}", image.uncertainty),
                format!("{:.4}", image.expected_dice),
                image.confounders.first().map_or(String::new(), |c| quoted(&c.name)),
            ];
            fields.extend(image.by_class.iter().map(|overlap| number(overlap.dice)));
            csv.push_str(&fields.join(","));
            csv.push('\n');
        }
        csv
    }

    /// The scores of the sites and their total as a plain-text table.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{:<16}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}  {}\n",
            "site",
            "images",
            "dice",
            "lesion",
            "iou",
            "acc",
            "hd95",
            "missed",
            "ece",
            "lesion by group [95 %]"
        );
        let number = |value: Option<f64>, digits: usize| {
            value.map_or("–".to_owned(), |value| format!("{value:.digits$}"))
        };
        for site in self.sites.iter().chain([&self.total]) {
            table.push_str(&format!(
                "{:<16}{:>7}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}{:>8}  {}\n",
                site.name,
                site.images,
                number(site.dice.mean, 3),
                number(site.lesion_dice.mean, 3),
                number(site.iou.mean, 3),
                number(site.acc.mean, 3),
                number(site.hd95.mean, 1),
                site.missed,
                number(site.ece, 3),
                site.lesion_dice_by_group,
            ));
        }
        table
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}
