//! A part of a run in which only the read-out of confounders learns.
//!
//! The encoder does not change, and nothing else is differentiated. So an epoch is cheap, and every image can have a confounder
//! imposed.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use mcdrl_model::{ConfounderReadout, Network};
use mcdrl_runtime::Weights;

use crate::batch::{Batch, BatchMaker, for_each_batch};
use crate::config::TrainConfig;
use crate::imposition::ImpositionConfig;
use crate::learning_rate::learning_rate;
use crate::loss::LossContext;
use crate::optimizer::{LearningRates, ModuleAdamW};
use crate::progress::Progress;
use crate::samples::LoadedSamples;
use crate::seed::mix;
use crate::{Error, Result};

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
    let mut optimizer = ModuleAdamW::new(config.optimizer.weight_decay, config.optimizer.clip_norm);
    // While it learns, all statistics have the same size.
    let rescaled = start.valid().rescaled(scale.clone(), shift.clone());
    let mut readout = Weights::of_module(&rescaled).load_into(start)?;
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
            let statistics = Tensor::from_inner(statistics);
            let doses = readout.forward_statistics(statistics, &maps, texts.clone());
            let twins = batch.twins.as_ref().expect("every image has a twin");
            let loss = context.dose_loss(&doses, twins);
            let value: f32 = loss.clone().into_scalar();
            let (done, total) = (epoch * steps + losses.len(), epochs * steps);
            let highest = config.optimizer.learning_rate;
            let rate = learning_rate(highest, done, total, config.schedule.warmup_ratio);
            losses.push(value);
            Error::check_finite(value, epoch + 1, losses.len(), rate)?;
            let gradients = GradientsParams::from_grads(loss.backward(), &readout);
            let rates = LearningRates { encoder: rate, rest: rate };
            readout = optimizer.step(rates, readout.clone(), gradients);
            Ok::<_, Error>(())
        })?;
        progress.readout(epoch + 1, epochs, losses.iter().sum::<f32>() / steps as f32);
    }
    let back = scale.clone().recip();
    Ok(readout.valid().rescaled(back.clone(), (shift * back).neg()))
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
