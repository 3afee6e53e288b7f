//! The tables and plots over all runs of the protocol.

use std::collections::{BTreeMap, BTreeSet};

use mcdrl_data::Dataset;
use serde::Serialize;

use super::{LosoRun, Variant};
use crate::Result;
use crate::evaluate::SiteScore;
use crate::metrics::{Interval, Summary};
use crate::numbers::spread;
use crate::report::{Bar, Report};

/// The number of pictures among the worst cases.
const WORST: usize = 8;

/// All training runs of the protocol.
#[derive(Clone, Debug, Serialize)]
pub struct LosoReport {
    /// The runs, sorted by seed, site and variant.
    pub runs: Vec<LosoRun>,
}

/// How much better a variant is than another.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The first variant.
    pub variant: Variant,
    /// The variant that is subtracted.
    pub reference: Variant,
    /// The difference of the lesion Dice: paired by image, a mean over the groups of all sites, with an interval over them.
    pub lesion_dice: Interval,
}

impl LosoReport {
    /// The variants that were run.
    pub fn variants(&self) -> Vec<Variant> {
        Variant::ALL.into_iter().filter(|v| self.runs.iter().any(|r| r.variant == *v)).collect()
    }

    /// The mean of a score over the left-out sites: one value per seed.
    pub fn by_seed(&self, variant: Variant, score: impl Fn(&SiteScore) -> Option<f64>) -> Vec<f64> {
        self.means(variant, |run| score(&run.score))
    }

    /// The full method against every other variant.
    pub fn differences(&self) -> Vec<Difference> {
        let full = self.dice_by_image(Variant::Full);
        let others = self.variants().into_iter().filter(|variant| *variant != Variant::Full);
        if full.is_empty() {
            return Vec::new();
        }
        others
            .map(|reference| {
                let theirs = self.dice_by_image(reference);
                let apart = full.iter().map(|(image, (group, dice))| {
                    (group.as_str(), theirs.get(image).map(|(_, theirs)| dice - theirs))
                });
                let lesion_dice = Interval::of_groups(apart);
                Difference { variant: Variant::Full, reference, lesion_dice }
            })
            .collect()
    }

    /// The table: Dice, IoU and accuracy in per cent. Each is a mean over sites, given as mean ± standard deviation over
    /// seeds. With imposed confounders, also the points of lesion Dice that are lost under them.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let sites: BTreeSet<&str> = self.runs.iter().map(|run| run.site.as_str()).collect();
        let is_stressed = self.runs.iter().any(|run| run.lost.is_some());
        let mut head: Vec<String> =
            ["variant", "dice", "lesion dice", "lesion iou", "acc"].map(str::to_owned).to_vec();
        head.extend(is_stressed.then(|| "lost".to_owned()));
        head.extend(sites.iter().map(|site| format!("dice {site}")));
        let mut rows = vec![head];
        for variant in self.variants() {
            let mut row = vec![variant.name().to_owned()];
            let scores: [fn(&SiteScore) -> Option<f64>; 4] =
                [|s| s.dice.mean, |s| s.lesion_dice.mean, |s| s.iou.mean, |s| s.acc.mean];
            row.extend(scores.map(|score| per_cent(&self.by_seed(variant, score))));
            row.extend(is_stressed.then(|| per_cent(&self.means(variant, |run| run.lost))));
            for site in &sites {
                let runs = self.runs.iter().filter(|r| r.variant == variant && r.site == *site);
                let dice: Vec<f64> = runs.filter_map(|run| run.score.dice.mean).collect();
                row.push(per_cent(&dice));
            }
            rows.push(row);
        }
        rows
    }

    /// Adds tables, bars and the worst cases of the full method to a page.
    ///
    /// # Errors
    /// If an image of the worst cases cannot be read.
    pub fn write_to(&self, page: &mut Report, dataset: &Dataset) -> Result<()> {
        page.table(&self.rows());
        let bars = self.variants().into_iter().map(|variant| {
            let by_image = self.dice_by_image(variant);
            let dice = by_image.values().map(|(group, dice)| (group.as_str(), Some(*dice)));
            Bar { name: variant.name().into(), value: Interval::of_groups(dice) }
        });
        page.bars(
            "lesion Dice, a mean over groups, with its 95 % interval",
            &bars.collect::<Vec<_>>(),
        );
        let differences = self.differences();
        if !differences.is_empty() {
            page.heading("The full method less each variant");
            page.paragraph(
                "Lesion Dice, paired by image: a mean over the groups of all sites, with its 95 % interval.",
            );
            let row =
                |of: &Difference| vec![of.reference.name().to_owned(), of.lesion_dice.to_string()];
            let head = vec!["variant".to_owned(), "full less variant".to_owned()];
            let rows: Vec<_> = std::iter::once(head).chain(differences.iter().map(row)).collect();
            page.table(&rows);
        }
        self.worst_cases(page, dataset)
    }

    /// The images on which the full method has the lowest lesion Dice, with their truth.
    fn worst_cases(&self, page: &mut Report, dataset: &Dataset) -> Result<()> {
        let by_image = self.dice_by_image(Variant::Full);
        let mut worst: Vec<(&(String, String), f64)> =
            by_image.iter().map(|(image, (_, dice))| (image, *dice)).collect();
        worst.sort_by(|a, b| a.1.total_cmp(&b.1));
        worst.truncate(WORST);
        if worst.is_empty() {
            return Ok(());
        }
        page.heading("The worst cases of the full method");
        for ((site, name), dice) in worst {
            let found = dataset.site(site)?.samples.iter().find(|sample| sample.name == *name);
            if let Some(sample) = found {
                let note = format!("lesion Dice {dice:.2}");
                page.truth(&sample.label(), &note, &dataset.load(sample)?)?;
            }
        }
        Ok(())
    }

    /// The mean of a value over the left-out sites: one value per seed.
    fn means(&self, variant: Variant, value: impl Fn(&LosoRun) -> Option<f64>) -> Vec<f64> {
        let mut seeds: BTreeMap<u64, Vec<Option<f64>>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.variant == variant) {
            seeds.entry(run.seed).or_default().push(value(run));
        }
        let means = seeds.into_values().map(|scores| scores.into_iter().collect::<Summary>().mean);
        means.flatten().collect()
    }

    /// For each site and image, its group and its lesion Dice, a mean over the seeds.
    fn dice_by_image(&self, variant: Variant) -> BTreeMap<(String, String), (String, f64)> {
        let mut sums: BTreeMap<(String, String), (String, f64, f64)> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.variant == variant) {
            for image in &run.images {
                let group = format!("{}/{}", run.site, image.group);
                let place = sums.entry((run.site.clone(), image.name.clone()));
                let (_, sum, count) = place.or_insert((group, 0.0, 0.0));
                *sum += image.dice;
                *count += 1.0;
            }
        }
        let mean = |(image, (group, sum, count))| (image, (group, sum / count));
        sums.into_iter().map(mean).collect()
    }
}

fn per_cent(values: &[f64]) -> String {
    let summary: Summary = values.iter().map(|value| Some(100.0 * value)).collect();
    spread(summary.mean, summary.std, 1)
}
