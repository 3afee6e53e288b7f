//! The paper's protocol: leave-one-site-out for the full method, its ablations and its controls, with several seeds.

mod fold;
mod report;
mod variant;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;
use mcdrl_data::Dataset;
use mcdrl_train::{Foundation, PretrainConfig, TrainConfig};
use serde::{Deserialize, Serialize};

use crate::evaluate::SiteScore;
use crate::{Error, Result};
use fold::Fold;
pub use report::{Difference, LosoReport};
pub use variant::Variant;

/// The inputs of the protocol.
pub struct LosoRequest<'a> {
    /// The sites.
    pub dataset: &'a Dataset,
    /// Pre-trained encoders. Without them, each fold pre-trains a small CLIP on its source sites, so that no run sees text or
    /// pixels of the left-out site.
    pub foundation: Option<&'a Foundation>,
    /// The configuration of that pre-training.
    pub pretrain: &'a PretrainConfig,
    /// The training configuration, which each variant modifies.
    pub config: &'a TrainConfig,
    /// The seeds.
    pub seeds: &'a [u64],
    /// The variants to compare.
    pub variants: &'a [Variant],
    /// The sites that are left out in turn. All others are always trained on.
    pub left_out: &'a [String],
    /// The strength at which every confounder is imposed at test too; `None` for unchanged images alone.
    pub impose: Option<f32>,
    /// The number of training runs in parallel.
    pub jobs: usize,
    /// Keeps the trained models and the checkpoints of unfinished runs, so that the protocol can be continued.
    pub folder: Option<&'a Path>,
}

/// One training run of the protocol and its scores on the left-out site.
#[derive(Clone, Debug, Serialize)]
pub struct LosoRun {
    /// The variant.
    pub variant: Variant,
    /// The site that was left out.
    pub site: String,
    /// The seed.
    pub seed: u64,
    /// The scores.
    pub score: SiteScore,
    /// The lesion Dice of every image with a lesion.
    pub images: Vec<ImageDice>,
    /// Lesion Dice lost under the confounders, with the renderers that training never uses: a mean over groups and confounders.
    pub lost: Option<f64>,
}

/// The lesion Dice of an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImageDice {
    /// Its name.
    pub name: String,
    /// The video or patient.
    pub group: String,
    /// The lesion Dice.
    pub dice: f64,
}

/// Runs the protocol. `tell` is called with all finished runs, the newest at the end, and with the total number of runs.
///
/// # Errors
/// The first failure of a training run or an evaluation.
pub fn loso(
    request: &LosoRequest<'_>,
    device: &Device,
    tell: &(dyn Fn(&[LosoRun], usize) + Sync),
) -> Result<LosoReport> {
    if request.dataset.sites.len() < 2 {
        return Err(Error::OneSite);
    }
    let mut folds = Vec::new();
    for &seed in request.seeds {
        for site in request.left_out {
            folds.push(Fold::new(request, site, seed)?);
        }
    }
    // Variants that test the same trained model are one task.
    let mut trainings: Vec<Variant> = request.variants.iter().map(|v| v.trained_as()).collect();
    trainings.sort();
    trainings.dedup();
    // One training run leaves a second core mostly idle, so several run in parallel. As many folds start together as there
    // are jobs. Then no job waits for another's pre-training, and the runs of the last fold go to different jobs.
    let jobs = request.jobs.max(1);
    let tasks: Vec<(&Fold, Variant)> = folds
        .chunks(jobs)
        .flat_map(|begun| trainings.iter().map(move |variant| (begun, *variant)))
        .flat_map(|(begun, variant)| begun.iter().map(move |fold| (fold, variant)))
        .collect();
    let total = folds.len() * request.variants.len();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<LosoRun>> = Mutex::new(Vec::new());
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(tasks.len()) {
            scope.spawn(|| {
                while let Some((fold, variant)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match fold.run(request, *variant, device) {
                        Ok(runs) => {
                            let mut results = lock(&results);
                            for run in runs {
                                results.push(run);
                                tell(&results, total);
                            }
                        }
                        Err(error) => {
                            lock(&failure).get_or_insert(error);
                            // The other jobs stop before their next training.
                            next.store(tasks.len(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = lock(&failure).take() {
        return Err(error);
    }
    let mut runs = std::mem::take(&mut *lock(&results));
    runs.sort_by(|a, b| (a.seed, &a.site, a.variant).cmp(&(b.seed, &b.site, b.variant)));
    Ok(LosoReport { runs })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
