//! The paper's protocol: leave-one-site-out for the full method and its ablations, with several seeds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use burn::tensor::Device;
use mcdrl_data::{Dataset, Sample, hold_out_groups, leave_one_site_out};
use mcdrl_runtime::{ClipCheckpoint, Segmenter};
use mcdrl_train::{
    Foundation, ImpositionConfig, LONGEST_SCENE, LoadedSamples, PretrainConfig, Silent,
    TrainConfig, TrainRequest, pretrain, train,
};
use serde::{Deserialize, Serialize};

use crate::evaluate::{SiteScore, evaluate};
use crate::metrics::Summary;
use crate::numbers::spread;
use crate::{Error, Result};

/// A variant of the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The same encoder and head trained with L_seg alone: no MTRS, no CDRL, no text in the loss, no imposed confounders.
    Baseline,
    /// The intervention acts on every position.
    WithoutMtrs,
    /// Regions are selected, and there is no intervention.
    WithoutCdrl,
    /// The full method.
    Full,
}

impl Variant {
    /// All variants, in the order of the paper's table.
    pub const ALL: [Self; 4] = [Self::Baseline, Self::WithoutMtrs, Self::WithoutCdrl, Self::Full];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::WithoutMtrs => "without-mtrs",
            Self::WithoutCdrl => "without-cdrl",
            Self::Full => "full",
        }
    }

    /// The configuration of this variant; everything else stays the same.
    pub fn configure(self, config: &TrainConfig) -> TrainConfig {
        let mut config = config.clone();
        let run = &mut config.model.run;
        run.selection.enabled = matches!(self, Self::WithoutCdrl | Self::Full);
        run.intervention.enabled = matches!(self, Self::WithoutMtrs | Self::Full);
        if self == Self::Baseline {
            config.loss.contrast = 0.0;
            config.loss.region = 0.0;
            config.imposition = ImpositionConfig::none();
        }
        config
    }
}

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
    /// The number of training runs in parallel.
    pub jobs: usize,
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
}

/// All training runs of the protocol.
#[derive(Clone, Debug, Serialize)]
pub struct LosoReport {
    /// The runs, sorted by seed, site and variant.
    pub runs: Vec<LosoRun>,
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
    // One training run leaves a second core mostly idle, so several run in parallel. As many folds start together as there
    // are jobs. Then no job waits for another's pre-training, and the runs of the last fold go to different jobs.
    let jobs = request.jobs.max(1);
    let tasks: Vec<(&Fold, Variant)> = folds
        .chunks(jobs)
        .flat_map(|begun| request.variants.iter().map(move |variant| (begun, *variant)))
        .flat_map(|(begun, variant)| begun.iter().map(move |fold| (fold, variant)))
        .collect();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<LosoRun>> = Mutex::new(Vec::new());
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(tasks.len()) {
            scope.spawn(|| {
                while let Some((fold, variant)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match fold.run(request, *variant, device) {
                        Ok(run) => {
                            let mut results = lock(&results);
                            results.push(run);
                            tell(&results, tasks.len());
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

/// One left-out site with one seed.
struct Fold {
    site: String,
    seed: u64,
    train: Vec<Sample>,
    validation: Vec<Sample>,
    test: Vec<Sample>,
    /// Created by the first run of the fold, dropped by the last.
    prepared: Mutex<Option<Arc<Prepared>>>,
    /// The number of unfinished runs.
    left: AtomicUsize,
}

/// The data that all runs of a fold share.
struct Prepared {
    foundation: Foundation,
    train: LoadedSamples,
    validation: LoadedSamples,
}

impl Fold {
    fn new(request: &LosoRequest<'_>, site: &str, seed: u64) -> Result<Self> {
        let split = leave_one_site_out(request.dataset, site)?;
        let source = hold_out_groups(&split.train, request.config.data.validation, seed);
        Ok(Self {
            site: site.into(),
            seed,
            train: source.train,
            validation: source.test,
            test: split.test,
            prepared: Mutex::new(None),
            left: AtomicUsize::new(request.variants.len()),
        })
    }

    fn prepare(&self, request: &LosoRequest<'_>, device: &Device) -> Result<Prepared> {
        let dataset = request.dataset;
        let train = LoadedSamples::load(dataset, &self.train, LONGEST_SCENE)?;
        let validation = LoadedSamples::load(dataset, &self.validation, LONGEST_SCENE)?;
        let foundation = match request.foundation {
            Some(foundation) => foundation.clone(),
            None => {
                let config = PretrainConfig { seed: self.seed, ..request.pretrain.clone() };
                let bytes = pretrain(&train, &dataset.profile, &config, device, &mut Silent)?;
                let clip = ClipCheckpoint::from_safetensors(&bytes, None)?;
                Foundation::from_clip(&clip, &dataset.profile)?
            }
        };
        Ok(Prepared { foundation, train, validation })
    }

    fn prepared(&self, request: &LosoRequest<'_>, device: &Device) -> Result<Arc<Prepared>> {
        let mut place = lock(&self.prepared);
        if let Some(prepared) = &*place {
            return Ok(prepared.clone());
        }
        let prepared = Arc::new(self.prepare(request, device)?);
        *place = Some(prepared.clone());
        Ok(prepared)
    }

    fn run(&self, request: &LosoRequest<'_>, variant: Variant, device: &Device) -> Result<LosoRun> {
        let prepared = self.prepared(request, device)?;
        let config = TrainConfig { seed: self.seed, ..variant.configure(request.config) };
        let model = train(
            &TrainRequest {
                foundation: &prepared.foundation,
                profile: &request.dataset.profile,
                train: &prepared.train,
                validation: &prepared.validation,
                data: String::new(),
                config: &config,
                provenance: serde_json::json!({}),
            },
            None,
            false,
            device,
            &mut Silent,
        )?;
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            *lock(&self.prepared) = None;
        }
        let segmenter = Segmenter::from_model(model);
        let evaluation = evaluate(&segmenter, request.dataset, &self.test, |_| {})?;
        let (site, seed) = (self.site.clone(), self.seed);
        Ok(LosoRun { variant, site, seed, score: evaluation.total })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl LosoReport {
    /// The variants that were run.
    pub fn variants(&self) -> Vec<Variant> {
        Variant::ALL.into_iter().filter(|v| self.runs.iter().any(|r| r.variant == *v)).collect()
    }

    /// The mean of a score over the left-out sites: one value per seed.
    pub fn by_seed(&self, variant: Variant, score: impl Fn(&SiteScore) -> Option<f64>) -> Vec<f64> {
        let mut seeds: BTreeMap<u64, Vec<Option<f64>>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.variant == variant) {
            seeds.entry(run.seed).or_default().push(score(&run.score));
        }
        let means = seeds.into_values().map(|scores| scores.into_iter().collect::<Summary>().mean);
        means.flatten().collect()
    }

    /// The paper's table: Dice, IoU and accuracy in per cent. Each is a mean over sites, given as mean ± standard deviation
    /// over seeds.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let sites: std::collections::BTreeSet<&str> =
            self.runs.iter().map(|run| run.site.as_str()).collect();
        let mut head: Vec<String> =
            ["variant", "dice", "lesion dice", "lesion iou", "acc"].map(str::to_owned).to_vec();
        head.extend(sites.iter().map(|site| format!("dice {site}")));
        let mut rows = vec![head];
        for variant in self.variants() {
            let mut row = vec![variant.name().to_owned()];
            let scores: [fn(&SiteScore) -> Option<f64>; 4] =
                [|s| s.dice.mean, |s| s.lesion_dice.mean, |s| s.iou.mean, |s| s.acc.mean];
            row.extend(scores.map(|score| per_cent(&self.by_seed(variant, score))));
            for site in &sites {
                let runs = self.runs.iter().filter(|r| r.variant == variant && r.site == *site);
                let dice: Vec<f64> = runs.filter_map(|run| run.score.dice.mean).collect();
                row.push(per_cent(&dice));
            }
            rows.push(row);
        }
        rows
    }
}

fn per_cent(values: &[f64]) -> String {
    let summary: Summary = values.iter().map(|value| Some(100.0 * value)).collect();
    spread(summary.mean, summary.std, 1)
}
