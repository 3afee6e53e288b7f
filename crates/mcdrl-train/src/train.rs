//! Training a segmenter.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device};
use mcdrl_data::AugmentConfig;
use mcdrl_model::clip::ClipCheckpoint;
use mcdrl_model::{Mcdrl, Model, Precision, Preprocess, Profile, Weights};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::average::update_average;
use crate::batch::{BatchMaker, LoadedSamples, for_each_batch, mix};
use crate::checkpoint::{self, Checkpoint, RunState};
use crate::config::TrainConfig;
use crate::loss::loss;
use crate::optimize::{ModuleAdamW, learning_rate};
use crate::progress::Progress;
use crate::start::{Start, with_named_ids};
use crate::{Error, Result};

/// Share of the steps over which the learning rate rises.
const RISE: f64 = 0.02;

/// What a run is made of.
pub struct TrainRequest<'a> {
    /// The CLIP that gives the encoder and the texts.
    pub clip: &'a ClipCheckpoint,
    /// Classes, confounders and prompts.
    pub profile: &'a Profile,
    /// What is trained on.
    pub train: &'a LoadedSamples,
    /// What chooses the best epoch; if empty the last is kept.
    pub validation: &'a LoadedSamples,
    /// Names both, so that a run is not gone on with over other data.
    pub data: String,
    /// The configuration.
    pub config: &'a TrainConfig,
    /// Goes into the model file, with the run's history.
    pub provenance: Value,
}

/// How an epoch went. Numbers are means over its steps, weighted by images; single precision, which survives the
/// way through JSON exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From one.
    pub epoch: usize,
    /// The whole loss.
    pub loss: f32,
    /// L_seg.
    pub segmentation: f32,
    /// L_causal before its weight.
    pub causal: f32,
    /// L_contrast before its weight.
    pub contrast: f32,
    /// Mean lesion Dice of the averaged weights over the validation images that have a lesion; `None` if none has.
    pub validation_dice: Option<f32>,
}

/// Trains a segmenter. With a `folder` every epoch leaves a checkpoint there, and a run that finds one goes on
/// from it if `resume` is set: on the CPU as if it had never stopped, bit for bit.
///
/// # Errors
/// [`Error::Diverged`] if the loss is no number any more, [`Error::Checkpoint`] for a folder with a checkpoint
/// of another run, [`Error::Io`].
pub fn train(
    request: &TrainRequest<'_>,
    folder: Option<&Path>,
    resume: bool,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<Model> {
    request.config.check(&request.clip.config.vision)?;
    if request.train.is_empty() {
        return Err(Error::Config("there is no image to train on".into()));
    }
    let start = Start::new(request.clip, request.profile, request.config, request.train)?;
    let mut run = Run::new(request, &start, device)?;
    if let Some(folder) = folder {
        run.take_up(folder, resume)?;
    }
    while !run.is_done() {
        run.epoch(&start, progress)?;
        if let Some(folder) = folder {
            run.checkpoint().write(folder)?;
        }
    }
    let model = run.finish()?;
    Ok(model)
}

/// A run between two epochs.
struct Run<'a> {
    request: &'a TrainRequest<'a>,
    device: Device,
    preprocess: Preprocess,
    network: Mcdrl,
    average: Mcdrl,
    best: Weights,
    optimizer: ModuleAdamW,
    state: RunState,
}

impl<'a> Run<'a> {
    fn new(request: &'a TrainRequest<'a>, start: &Start, device: &Device) -> Result<Self> {
        let config = request.config;
        let device = device.clone().autodiff();
        let network = start.network(&device)?;
        Ok(Self {
            request,
            preprocess: Preprocess::clip(config.input_size),
            average: network.valid(),
            best: Weights::default(),
            network,
            optimizer: ModuleAdamW::new(config.weight_decay, config.clip_norm),
            state: RunState {
                config: config.clone(),
                data: request.data.clone(),
                start: start.weights.sha256(Precision::Full),
                history: Vec::new(),
                steps: 0,
            },
            device,
        })
    }

    fn is_done(&self) -> bool {
        let config = self.request.config;
        let done = self.state.history.len();
        let best = self.state.best().map_or(0, |record| record.epoch);
        // Before the intervention has joined, and as long again, there is nothing to be impatient about.
        let impatient = config.patience > 0
            && !self.request.validation.is_empty()
            && done > 2 * config.warm_up
            && done - best >= config.patience;
        done >= config.epochs || impatient
    }

    fn epoch(&mut self, start: &Start, progress: &mut dyn Progress) -> Result<()> {
        let config = self.request.config;
        let epoch = self.state.history.len();
        let joined = epoch >= config.warm_up;
        self.network =
            self.network.clone().with_switches(config.select_regions, config.intervene && joined);
        self.average =
            self.average.clone().with_switches(config.select_regions, config.intervene && joined);

        let samples = self.request.train;
        let order =
            samples.epoch_order(config.epoch_images, config.site_balance, config.seed, epoch);
        let steps = order.len().div_ceil(config.batch_size);
        let maker = BatchMaker {
            profile: self.request.profile,
            preprocess: &self.preprocess.clone(),
            augment: &config.augment,
            seed: mix(&[config.seed, epoch as u64, 1]),
        };
        let device = self.device.clone();
        let texts = start.texts.on(&device);
        let mut sums = [0.0f64; 4];
        let mut step = 0;
        for_each_batch(samples, &order, config.batch_size, &maker, &device, |batch, indices| {
            let output = self.network.forward(batch.pixels.clone());
            let loss = loss(&self.network, output, &batch, &texts, &config.loss);
            let terms = [&loss.total, &loss.segmentation, &loss.causal, &loss.contrast];
            let terms = terms.map(|term| term.clone().into_scalar::<f32>());
            let total = config.epochs * steps;
            let learning_rate = learning_rate(config.learning_rate, self.state.steps, total, RISE);
            step += 1;
            if !terms[0].is_finite() {
                let epoch = epoch + 1;
                return Err(Error::Diverged { loss: terms[0], epoch, step, learning_rate });
            }
            let gradients = GradientsParams::from_grads(loss.total.backward(), &self.network);
            self.network = self.optimizer.step(learning_rate, self.network.clone(), gradients);
            self.state.steps += 1;
            let done = self.state.steps as f64;
            // A short memory at the start: the first weights are random.
            let decay = config.average_decay.min((1.0 + done) / (10.0 + done));
            self.average = update_average(self.average.clone(), &self.network, decay);
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += f64::from(term) * indices.len() as f64;
            }
            progress.step(epoch + 1, step, steps, terms[0]);
            Ok(())
        })?;
        let [loss, segmentation, causal, contrast] =
            sums.map(|sum| (sum / order.len() as f64) as f32);
        let validation_dice = self.validate()?.map(|dice| dice as f32);
        let record =
            EpochRecord { epoch: epoch + 1, loss, segmentation, causal, contrast, validation_dice };
        progress.epoch(&record, config.epochs);
        self.state.history.push(record);
        let is_best = self.state.best().is_some_and(|best| best.epoch == epoch + 1);
        if is_best {
            self.best = Weights::of_module(&self.average);
        }
        Ok(())
    }

    fn validate(&self) -> Result<Option<f64>> {
        let samples = self.request.validation;
        if samples.is_empty() {
            return Ok(None);
        }
        lesion_dice(&self.average, samples, self.request.profile, &self.preprocess)
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            state: self.state.clone(),
            // Running statistics wait for the next step until a copy is asked for.
            network: Weights::of_module(&self.network.valid()),
            average: Weights::of_module(&self.average),
            best: self.best.clone(),
            optimizer: self.optimizer.to_weights(&self.network),
        }
    }

    fn take_up(&mut self, folder: &Path, resume: bool) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let problem =
            |problem: &str| Error::Checkpoint { path: folder.into(), problem: problem.into() };
        let Some(checkpoint) = Checkpoint::read(folder)? else { return Ok(()) };
        if !resume {
            return Err(problem(
                "there is an unfinished run here; go on with it (--resume) or choose another folder",
            ));
        }
        if !is_same(&checkpoint.state.config, self.request.config) {
            return Err(problem("the unfinished run here has another configuration"));
        }
        if checkpoint.state.data != self.request.data {
            return Err(problem("the unfinished run here has other training data"));
        }
        if checkpoint.state.start != self.state.start {
            return Err(problem(
                "the unfinished run here started from another CLIP or other prompts",
            ));
        }
        let same = str::to_owned;
        let network = checkpoint.network.load_into(self.network.clone(), &same)?;
        self.network = with_named_ids(network);
        let average = checkpoint.average.load_into(self.average.clone(), &same)?;
        self.average = with_named_ids(average);
        self.best = checkpoint.best;
        self.optimizer.restore(&self.network, &checkpoint.optimizer);
        self.state = checkpoint.state;
        Ok(())
    }

    fn finish(self) -> Result<Model> {
        let config = self.request.config;
        let network = self.best.load_into(self.average, &str::to_owned)?;
        let network = network.with_switches(config.select_regions, config.intervene);
        let mut provenance = self.request.provenance.clone();
        provenance["training"] = serde_json::json!({
            "config": config,
            "best_epoch": self.state.best().map(|record| record.epoch),
            "history": self.state.history,
        });
        Ok(Model::new(network, self.request.profile.clone(), provenance))
    }
}

/// Whether two configurations are the same as text, in which a stored one has lost the last bit of some numbers.
fn is_same(stored: &TrainConfig, stated: &TrainConfig) -> bool {
    let text = |config: &TrainConfig| serde_json::to_string(config).expect("plain data");
    let reread: TrainConfig = serde_json::from_str(&text(stated)).expect("written just now");
    text(stored) == text(&reread)
}

/// Mean Dice of all lesions together, at the network's input size, over the images that have one.
fn lesion_dice(
    network: &Mcdrl,
    samples: &LoadedSamples,
    profile: &Profile,
    preprocess: &Preprocess,
) -> Result<Option<f64>> {
    let device = network.class_texts().device();
    let order: Vec<usize> = (0..samples.len()).collect();
    let plain = AugmentConfig::none();
    let maker = BatchMaker { profile, preprocess, augment: &plain, seed: 0 };
    let (mut sum, mut count) = (0.0, 0);
    for_each_batch(samples, &order, 16, &maker, &device, |batch, indices| {
        let size = preprocess.size;
        let logits = network.forward(batch.pixels).full_logits(size);
        let background = burn::tensor::activation::softmax(logits, 1).narrow(1, 0, 1);
        let lesion = background.lower_elem(0.5).float();
        let [rows, channels, ..] = batch.target.dims();
        let truth = batch.target.narrow(1, 1, channels - 1).sum_dim(1);
        let total = |map: burn::tensor::Tensor<4>| -> Vec<f32> {
            let sums = map.reshape([rows, size * size]).sum_dim(1);
            sums.into_data_dtype(DType::F32).try_to_vec().expect("converted to f32 just now")
        };
        let overlap = total(lesion.clone() * truth.clone());
        let (lesion, truth) = (total(lesion), total(truth));
        for row in 0..indices.len() {
            if truth[row] > 0.0 {
                sum += f64::from(2.0 * overlap[row] / (lesion[row] + truth[row]));
                count += 1;
            }
        }
        Ok::<_, Error>(())
    })?;
    Ok((count > 0).then(|| sum / f64::from(count)))
}

/// Removes the checkpoints of a finished run.
pub fn forget_checkpoints(folder: &Path) {
    checkpoint::clear(folder);
}
