//! A part of a run in which only the read-out of confounders learns.
//!
//! The encoder does not change, and nothing else is differentiated. So an epoch is cheap, and every image can have a confounder
//! imposed. A few hundred steps are too few, though: the statistics of all pictures are kept, and the part that reads whole
//! images learns from them many times more.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};
use mcdrl_model::{ConfounderReadout, Network};
use mcdrl_runtime::Weights;
use rand::seq::SliceRandom;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::batch::{Batch, BatchMaker, Twins, for_each_batch};
use crate::config::TrainConfig;
use crate::imposition::ImpositionConfig;
use crate::learning_rate::learning_rate;
use crate::loss::LossContext;
use crate::optimizer::{LearningRates, ModuleAdamW};
use crate::progress::Progress;
use crate::samples::LoadedSamples;
use crate::seed::{mix, seeded};
use crate::{Error, Result};

/// How often the read-out learns from each picture that it has seen, after it saw the last one.
const REHEARSALS: usize = 4;

/// Standard deviation of the noise that a rehearsal adds to the statistics of a pair, in that of the statistic. Another camera
/// shifts them too.
const NOISE: f64 = 0.1;

/// The images by which statistics are standardized.
const IMAGES: usize = 256;

/// The least standard deviation by which a statistic is divided.
const LEAST_DEVIATION: f64 = 1e-3;

/// Trains the read-out of a network.
///
/// - `network`: its encoder gives the inputs; without gradients
/// - `start`: the read-out to begin with, with gradients
/// - output: without gradients
/// - `maker`: its augmentation applies, but pictures stay as they are framed. A turned or enlarged picture has other edges,
///   corners and distances.
///
/// # Errors
/// [`Error::Diverged`] if the loss becomes NaN or infinite.
pub fn train_readout(
    network: &Network,
    start: ConfounderReadout,
    samples: &LoadedSamples,
    maker: &BatchMaker<'_>,
    context: &LossContext,
    config: &TrainConfig,
    progress: &mut dyn Progress,
) -> Result<ConfounderReadout> {
    let epochs = config.schedule.readout_epochs;
    if epochs == 0 || maker.imposable.is_empty() {
        return Ok(start.valid());
    }
    let device = network.device().autodiff();
    let maker = BatchMaker {
        augment: &maker.augment.as_framed(),
        imposition: &ImpositionConfig::everywhere(0.0),
        ..*maker
    };
    let (images, balance) = (config.data.epoch_images, config.data.site_balance);
    let batch_size = config.data.batch_size;
    let see = |batch: &Batch| {
        let pixels = batch.pixels.clone().inner();
        let (pixels, maps) = network.readout_inputs(pixels, config.model.run.dense);
        (ConfounderReadout::statistics(pixels, &maps), maps)
    };
    let first = samples.epoch_order(IMAGES.min(samples.len()), balance, maker.seed, 0);
    let (scale, shift) = standardization(samples, &first, batch_size, &maker, &device, see);
    let texts = Tensor::from_inner(network.dictionary.entries());
    // While it learns, all statistics have the same size.
    let rescaled = start.valid().rescaled(scale.clone(), shift.clone());
    let readout = Weights::of_module(&rescaled).load_into(start)?;
    let mut study = Study::new(readout, config);
    let mut seen = Vec::new();
    for epoch in 0..epochs {
        let seed = mix(&[config.seed, epoch as u64, 6]);
        let maker = BatchMaker { seed, ..maker };
        let order = samples.epoch_order(images, balance, seed, epoch);
        let steps = order.len().div_ceil(batch_size);
        let mut losses = Vec::with_capacity(steps);
        for_each_batch(samples, &order, batch_size, &maker, &device, |batch, _| {
            let (statistics, maps) = see(&batch);
            let statistics = (statistics - shift.clone().unsqueeze()) / scale.clone().unsqueeze();
            let maps: Vec<_> = maps.into_iter().map(Tensor::from_inner).collect();
            let twins = batch.twins.as_ref().expect("every image has a twin");
            let of_both = Tensor::from_inner(statistics.clone());
            let doses = study.readout.forward_statistics(of_both, &maps, texts.clone());
            let loss = context.dose_loss(&doses, twins);
            seen.push(Seen::of(statistics, twins));
            let (done, total) = (epoch * steps + losses.len(), epochs * steps);
            losses.push(study.step(loss, epoch, [done, total])?);
            Ok::<_, Error>(())
        })?;
        progress.readout(epoch + 1, epochs + REHEARSALS, mean(&losses));
    }
    let mut study = Study::new(study.readout.with_fixed_positions(), config);
    let mut rng = ChaCha8Rng::seed_from_u64(mix(&[config.seed, 7]));
    for rehearsal in 0..REHEARSALS {
        seen.shuffle(&mut rng);
        let mut losses = Vec::with_capacity(seen.len());
        for pairs in &seen {
            let noise = seeded(rng.next_u64(), || {
                pairs.clean.random_like(Distribution::Normal(0.0, NOISE))
            });
            let doses = |statistics: &Tensor<2>| {
                let statistics = Tensor::from_inner(statistics.clone() + noise.clone());
                study.readout.image_doses(statistics, texts.clone())
            };
            let pair = (doses(&pairs.clean), doses(&pairs.twin));
            let loss = context.image_dose_loss(pair, &pairs.confounder, &pairs.strength);
            let (done, total) = (rehearsal * seen.len() + losses.len(), REHEARSALS * seen.len());
            losses.push(study.step(loss, epochs + rehearsal, [done, total])?);
        }
        progress.readout(epochs + rehearsal + 1, epochs + REHEARSALS, mean(&losses));
    }
    let readout = study.readout;
    let back = scale.clone().recip();
    Ok(readout.valid().rescaled(back.clone(), (shift * back).neg()))
}

/// The standardized statistics of a batch of pairs: `[T, statistics]` each. The others are those of
/// [`Twins`](crate::batch::Twins).
struct Seen {
    clean: Tensor<2>,
    twin: Tensor<2>,
    confounder: Tensor<2>,
    strength: Tensor<2>,
}

impl Seen {
    /// - `statistics`: of the images, then of their twins
    fn of(statistics: Tensor<2>, twins: &Twins) -> Self {
        let half = |start| statistics.clone().narrow(0, start, twins.count);
        let (confounder, strength) = (twins.confounder.clone(), twins.strength.clone());
        Self { clean: half(0), twin: half(twins.count), confounder, strength }
    }
}

/// A read-out that learns.
struct Study<'a> {
    readout: ConfounderReadout,
    optimizer: ModuleAdamW,
    config: &'a TrainConfig,
}

impl<'a> Study<'a> {
    fn new(readout: ConfounderReadout, config: &'a TrainConfig) -> Self {
        let TrainConfig { optimizer, .. } = config;
        let optimizer = ModuleAdamW::new(optimizer.weight_decay, optimizer.clip_norm);
        Self { readout, optimizer, config }
    }

    /// One step, and the value of the loss before it.
    fn step(&mut self, loss: Tensor<1>, epoch: usize, [done, total]: [usize; 2]) -> Result<f32> {
        let TrainConfig { optimizer, schedule, .. } = self.config;
        let value: f32 = loss.clone().into_scalar();
        let rate = learning_rate(optimizer.learning_rate, done, total, schedule.warmup_ratio);
        Error::check_finite(value, epoch + 1, done + 1, rate)?;
        let gradients = GradientsParams::from_grads(loss.backward(), &self.readout);
        let rates = LearningRates { encoder: rate, rest: rate };
        self.readout = self.optimizer.step(rates, self.readout.clone(), gradients);
        Ok(value)
    }
}

fn mean(losses: &[f32]) -> f32 {
    losses.iter().sum::<f32>() / losses.len() as f32
}

/// Standard deviation and mean of each statistic over images: `[statistics]` each.
fn standardization(
    samples: &LoadedSamples,
    order: &[usize],
    batch_size: usize,
    maker: &BatchMaker<'_>,
    device: &Device,
    see: impl Fn(&Batch) -> (Tensor<2>, Vec<Tensor<4>>),
) -> (Tensor<1>, Tensor<1>) {
    let mut rows = Vec::new();
    let seen = for_each_batch(samples, order, batch_size, maker, device, |batch, _| {
        rows.push(see(&batch).0);
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(()) = seen;
    let rows = Tensor::cat(rows, 0);
    let mean = rows.clone().mean_dim(0);
    let deviation = (rows - mean.clone()).square().mean_dim(0).sqrt() + LEAST_DEVIATION;
    (deviation.squeeze_dim(0), mean.squeeze_dim(0))
}
