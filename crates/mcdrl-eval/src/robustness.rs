//! How a model bears confounders: the same images, with and without each of them imposed.

use std::borrow::Borrow;

use burn::tensor::DType;
use mcdrl_data::{Dataset, LabelledImage, Sample};
use mcdrl_model::cosine_similarity;
use mcdrl_runtime::{Segmentation, Segmenter, View};
use mcdrl_synth::{Renderer, Rendition};
use mcdrl_train::Imposable;
use rayon::prelude::*;
use serde::Serialize;

use crate::Result;
use crate::metrics::{Foreground, Interval, MaskPair, auroc};
use crate::removed::{CleanFeatures, Removed};

/// Images in a forward pass.
const BATCH: usize = 8;

/// What is imposed.
#[derive(Clone, Copy, Debug)]
pub struct Stress {
    /// 0..1
    pub strength: f32,
    /// The renderer of training, or the one that is kept for tests.
    pub rendition: Rendition,
    /// The most images whose features are compared, for [`ConfounderRow::removed`].
    pub compared: usize,
}

/// The answers with and without each confounder of the model's profile.
#[derive(Clone, Debug, Serialize)]
pub struct Robustness {
    /// 0..1
    pub strength: f32,
    /// Lesion Dice of the unchanged images, a mean over groups.
    pub clean: Interval,
    /// One row for each confounder that can be imposed.
    pub confounders: Vec<ConfounderRow>,
    /// The mean of the rows' `lost`.
    pub lost: Option<f64>,
    /// The mean of the rows' `auroc`.
    pub auroc: Option<f64>,
    /// The mean of the rows' `removed`.
    pub removed: Option<f64>,
    /// The mean of the rows' `removable`.
    pub removable: Option<f64>,
}

/// The answers under one confounder.
#[derive(Clone, Debug, Serialize)]
pub struct ConfounderRow {
    /// Its name in the profile.
    pub name: String,
    /// Lesion Dice, a mean over groups.
    pub dice: Interval,
    /// Lesion Dice lost, paired by image: a mean over groups.
    pub lost: Interval,
    /// Area under the ROC curve of the confounder's presence: changed against unchanged images.
    pub auroc: Option<f64>,
    /// The same of the confounder whose words are the nearest: a control.
    pub nearest_auroc: Option<f64>,
    /// How much of it the removal takes out of the features: 1 all, 0 nothing. Only for models with removal, and for confounders
    /// that move no pixel.
    pub removed: Option<f64>,
    /// How much of it the best affine map of each channel could take out: a limit for the removal of a global confounder.
    pub removable: Option<f64>,
    /// Share of the images whose presence is larger with the confounder than without.
    pub ranked: f64,
    /// Mean presence in the unchanged and in the changed images.
    pub presence: [f64; 2],
}

/// The answer for one image.
struct Answer {
    dice: Option<f64>,
    presence: Vec<f32>,
}

/// Imposes each confounder of the model's profile on each sample. `done` is called with the number of finished passes over the
/// samples, and with their total number.
///
/// # Errors
/// The first image that cannot be read or segmented.
pub fn robustness(
    segmenter: &Segmenter,
    dataset: &Dataset,
    samples: &[Sample],
    stress: Stress,
    mut done: impl FnMut(usize, usize),
) -> Result<Robustness> {
    // A confounder is imposed on the whole frame, also a dark border.
    let segmenter = &segmenter.with_view(View::FRAME);
    let imposable = Imposable::of(&segmenter.header().profile)?;
    let total = imposable.renderers().len() + 1;
    let clean = answers(segmenter, dataset, samples, None)?;
    let step = samples.len().div_ceil(stress.compared.max(1)).max(1);
    let compared: Vec<&Sample> = samples.iter().step_by(step).take(stress.compared).collect();
    let mut features = CleanFeatures::of(segmenter.model());
    for (number, chunk) in compared.chunks(BATCH).enumerate() {
        if let Some(features) = &mut features {
            features.add(&load(dataset, chunk, number * BATCH, None)?);
        }
    }
    done(1, total);
    let groups: Vec<String> =
        samples.iter().map(|sample| format!("{}/{}", sample.site, sample.group)).collect();
    let by_group = |values: Vec<Option<f64>>| {
        Interval::of_groups(groups.iter().map(String::as_str).zip(values))
    };
    let mut rows = Vec::new();
    let count = samples.len().max(1) as f64;
    for (index, renderer) in imposable.renderers() {
        let changed = answers(segmenter, dataset, samples, Some((*renderer, stress)))?;
        done(rows.len() + 2, total);
        let presence = |answers: &[Answer], index: usize| -> Vec<f32> {
            answers.iter().map(|answer| answer.presence[index]).collect()
        };
        let (before, after) = (presence(&clean, *index), presence(&changed, *index));
        let nearest_auroc = nearest(segmenter, &imposable, *index)
            .and_then(|other| auroc(&presence(&changed, other), &presence(&clean, other)));
        let mut removed = Removed::default();
        for (number, chunk) in compared.chunks(BATCH).enumerate() {
            if let Some(features) = features.as_ref().filter(|_| !renderer.moves_pixels()) {
                let changed = load(dataset, chunk, number * BATCH, Some((*renderer, stress)))?;
                features.compare(number, &changed, &mut removed);
            }
        }
        let lost = clean.iter().zip(&changed).map(|(a, b)| Some(a.dice? - b.dice?));
        let rises = before.iter().zip(&after).filter(|(before, after)| after > before).count();
        let mean =
            |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        rows.push(ConfounderRow {
            name: segmenter.header().profile.confounders[*index].name.clone(),
            lost: by_group(lost.collect()),
            dice: by_group(changed.iter().map(|answer| answer.dice).collect()),
            auroc: auroc(&after, &before),
            nearest_auroc,
            removed: removed.share(),
            removable: removed.limit(),
            ranked: rises as f64 / count,
            presence: [mean(&before), mean(&after)],
        });
    }
    let mean = |values: Vec<Option<f64>>| {
        let found: Vec<f64> = values.into_iter().flatten().collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    Ok(Robustness {
        strength: stress.strength,
        clean: by_group(clean.iter().map(|answer| answer.dice).collect()),
        lost: mean(rows.iter().map(|row| row.lost.mean).collect()),
        auroc: mean(rows.iter().map(|row| row.auroc).collect()),
        removed: mean(rows.iter().map(|row| row.removed).collect()),
        removable: mean(rows.iter().map(|row| row.removable).collect()),
        confounders: rows,
    })
}

/// The other confounder whose words are the most similar, among those that can be imposed.
fn nearest(segmenter: &Segmenter, imposable: &Imposable, index: usize) -> Option<usize> {
    let entries = segmenter.model().network.dictionary.entries();
    let likeness = cosine_similarity(entries.clone().narrow(0, index, 1), entries);
    let likeness: Vec<f32> =
        likeness.into_data_dtype(DType::F32).try_to_vec().expect("converted to f32 just now");
    let others = imposable.renderers().iter().map(|(other, _)| *other).filter(|o| *o != index);
    others.max_by(|a, b| likeness[*a].total_cmp(&likeness[*b]))
}

/// Reads samples, with a confounder imposed or without. `first` is the number of the first one.
fn load(
    dataset: &Dataset,
    samples: &[impl Borrow<Sample> + Sync],
    first: usize,
    imposed: Option<(Renderer, Stress)>,
) -> Result<Vec<LabelledImage>> {
    let load = |(at, sample): (usize, &_)| {
        let LabelledImage { image, mask } = dataset.load(Borrow::<Sample>::borrow(sample))?;
        Ok(match imposed {
            Some((renderer, Stress { strength, rendition, .. })) => {
                let seed = (first + at) as u64;
                let imposed = renderer.impose(&image, &mask, strength, seed, rendition);
                LabelledImage { image: imposed.image, mask: imposed.mask }
            }
            None => LabelledImage { image, mask },
        })
    };
    samples.par_iter().enumerate().map(load).collect()
}

fn answers(
    segmenter: &Segmenter,
    dataset: &Dataset,
    samples: &[Sample],
    imposed: Option<(Renderer, Stress)>,
) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(samples.len());
    for (number, chunk) in samples.chunks(BATCH).enumerate() {
        let loaded = load(dataset, chunk, number * BATCH, imposed)?;
        let pixels: Vec<_> = loaded.iter().map(|labelled| &labelled.image).collect();
        let segmentations = segmenter.segment_batch(&pixels)?;
        answers
            .extend(loaded.iter().zip(segmentations).map(|(truth, found)| answer(truth, &found)));
    }
    Ok(answers)
}

fn answer(truth: &LabelledImage, found: &Segmentation) -> Answer {
    let (width, height) = (truth.mask.width(), truth.mask.height());
    let pair = MaskPair::new(found.mask.classes(), truth.mask.classes(), width, height);
    Answer {
        dice: pair.expect("a segmentation has the size of its image").dice(Foreground::Any),
        presence: found.confounders.iter().map(|confounder| confounder.presence).collect(),
    }
}

impl Robustness {
    /// A table for a terminal: one line for each confounder, then the means.
    pub fn table(&self) -> String {
        let mut table = format!(
            "lesion dice without confounders {}\n{:<16}{:>8}{:>9}{:>9}{:>11}{:>9}{:>9}   presence\n",
            self.clean, "confounder", "dice", "lost", "removed", "removable", "auroc", "ranked"
        );
        let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.3}"));
        for row in &self.confounders {
            let [before, after] = row.presence;
            table.push_str(&format!(
                "{:<16}{:>8}{:>9}{:>9}{:>11}{:>9}{:>9.3}   {before:.2} → {after:.2}\n",
                row.name,
                number(row.dice.mean),
                number(row.lost.mean),
                number(row.removed),
                number(row.removable),
                number(row.auroc),
                row.ranked
            ));
        }
        table.push_str(&format!(
            "{:<16}{:>8}{:>9}{:>9}{:>11}{:>9}\n",
            "mean",
            "",
            number(self.lost),
            number(self.removed),
            number(self.removable),
            number(self.auroc)
        ));
        table
    }
}
