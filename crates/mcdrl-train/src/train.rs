//! Training a segmenter.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use mcdrl_model::{ConfounderReadout, Network, RunConfig};
use mcdrl_runtime::{Model, Precision, Preprocess, Profile, Weights};
use serde_json::Value;

use crate::batch::{BatchMaker, for_each_batch};
use crate::calibration::calibrate;
use crate::checkpoint::Checkpoint;
use crate::config::TrainConfig;
use crate::ema::Average;
use crate::foundation::Foundation;
use crate::history::{EpochRecord, RunState};
use crate::imposition::Imposable;
use crate::initialization::Initialization;
use crate::learning_rate::learning_rate;
use crate::loss::{LossContext, TERMS, loss};
use crate::named_ids::with_named_ids;
use crate::optimizer::{LearningRates, ModuleAdamW};
use crate::progress::Progress;
use crate::readout_training::train_readout;
use crate::samples::LoadedSamples;
use crate::seed::mix;
use crate::validation::lesion_dice;
use crate::{Error, Result};

/// The inputs of a run.
pub struct TrainRequest<'a> {
    /// The pre-trained encoder and the texts.
    pub foundation: &'a Foundation,
    /// Classes, confounders and prompts.
    pub profile: &'a Profile,
    /// The training images.
    pub train: &'a LoadedSamples,
    /// The images that choose the best epoch. Without images, the last epoch is kept.
    pub validation: &'a LoadedSamples,
    /// The names of the training and validation images, so that a run is not resumed with other data.
    pub data: String,
    /// The configuration.
    pub config: &'a TrainConfig,
    /// The provenance in the model file. The run's history is added to it.
    pub provenance: Value,
}

/// Trains a segmenter. With a `folder`, every epoch writes a checkpoint there. With `resume`, a run continues from it. On the
/// CPU, the result is then the same bit for bit.
///
/// # Errors
/// [`Error::Diverged`] if the loss becomes NaN or infinite, [`Error::Checkpoint`] for a folder with a checkpoint of another
/// run, [`Error::Io`].
pub fn train(
    request: &TrainRequest<'_>,
    folder: Option<&Path>,
    resume: bool,
    device: &Device,
    progress: &mut dyn Progress,
) -> Result<Model> {
    request.config.check(&request.foundation.vision)?;
    if request.train.is_empty() {
        return Err(Error::Config("no training images: give a dataset with images".into()));
    }
    let imposable = Imposable::of(request.profile)?
        .without(&request.config.imposition.leave_out, request.profile)?;
    let is_trained = request.foundation.model().is_some();
    if request.config.schedule.epochs == 0 && (!is_trained || imposable.is_empty()) {
        return Err(Error::Config(
            "`schedule.epochs` is 0, so only the read-out learns: start from a trained model whose profile has confounders \
             that can be imposed"
                .into(),
        ));
    }
    if request.config.optimizer.start_share > 0.0 && !is_trained {
        return Err(Error::Config(
            "`optimizer.start_share` is a share of a trained model: start from one".into(),
        ));
    }
    let initialization = Initialization::new(request.foundation, &imposable, request.config)?;
    let mut run = Run::new(request, &initialization, &imposable, device)?;
    if let Some(folder) = folder {
        run.resume(folder, resume)?;
    }
    while !run.state.is_done() {
        if run.state.history.len() == run.state.readout_start() {
            run.settle_readout(progress)?;
        }
        run.epoch(progress)?;
        if let Some(folder) = folder {
            run.checkpoint().write(folder)?;
        }
    }
    run.finish(progress)
}

/// The state of a run between two epochs.
struct Run<'a> {
    request: &'a TrainRequest<'a>,
    initialization: &'a Initialization,
    imposable: &'a Imposable,
    context: LossContext,
    device: Device,
    /// The preprocessing of training images.
    preprocess: Preprocess,
    /// That of the trained model.
    used_preprocess: Preprocess,
    network: Network,
    average: Average,
    best: Weights,
    optimizer: ModuleAdamW,
    state: RunState,
}

impl<'a> Run<'a> {
    fn new(
        request: &'a TrainRequest<'a>,
        initialization: &'a Initialization,
        imposable: &'a Imposable,
        device: &Device,
    ) -> Result<Self> {
        let config = request.config;
        let device = device.clone().autodiff();
        let network = initialization.network(&device)?;
        let preprocess = |size| Preprocess { size, ..request.foundation.preprocess.clone() };
        Ok(Self {
            request,
            initialization,
            imposable,
            context: LossContext::new(&request.foundation.texts, imposable, &device),
            preprocess: preprocess(config.model.input_size),
            used_preprocess: preprocess(config.model.used_size.unwrap_or(config.model.input_size)),
            average: Average::of(&network),
            best: Weights::of_module(&network.valid()),
            network,
            optimizer: ModuleAdamW::new(config.optimizer.weight_decay, config.optimizer.clip_norm),
            state: RunState {
                config: resolved(config, request.foundation.model().is_some()),
                data: request.data.clone(),
                initial_sha256: initialization.weights.sha256(Precision::Full),
                history: Vec::new(),
                steps: 0,
            },
            device,
        })
    }

    fn epoch(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let config = self.request.config;
        let epoch = self.state.history.len();
        let run = self.run_config();
        let samples = self.request.train;
        let (images, balance) = (config.data.epoch_images, config.data.site_balance);
        let order = samples.epoch_order(images, balance, config.seed, epoch);
        let steps = order.len().div_ceil(config.data.batch_size);
        let maker = BatchMaker {
            profile: self.request.profile,
            preprocess: &self.preprocess.clone(),
            augment: &config.augment,
            imposition: &config.imposition,
            imposable: self.imposable,
            seed: mix(&[config.seed, epoch as u64, 1]),
        };
        let device = self.device.clone();
        let mut losses = Vec::with_capacity(steps);
        let mut step = 0;
        for_each_batch(
            samples,
            &order,
            config.data.batch_size,
            &maker,
            &device,
            |batch, indices| {
                let output = self.network.forward(batch.pixels.clone(), &run);
                let loss = loss(&self.network, &output, &batch, &self.context, &config.loss);
                let (total, terms) = loss.values();
                let rates = self.learning_rates(steps);
                step += 1;
                Error::check_finite(total, epoch + 1, step, rates.rest)?;
                let gradients = GradientsParams::from_grads(loss.total.backward(), &self.network);
                self.network = self.optimizer.step(rates, self.network.clone(), gradients);
                self.state.steps += 1;
                let decay = self.ema_decay();
                self.average.update(&self.network, decay);
                progress.step(epoch + 1, step, steps, total);
                losses.push((total, terms, indices.len()));
                Ok::<_, Error>(())
            },
        )?;
        type Values = (f32, [f32; TERMS.len()], usize);
        let mean = |value: &dyn Fn(&Values) -> f32| {
            let sum = |values: &Values| f64::from(value(values)) * values.2 as f64;
            (losses.iter().map(sum).sum::<f64>() / order.len() as f64) as f32
        };
        let means = (0..TERMS.len()).map(|term| mean(&|values: &Values| values.1[term]));
        let terms = TERMS.iter().map(|name| (*name).to_owned()).zip(means);
        let mut terms: BTreeMap<String, f32> = terms.filter(|(_, mean)| *mean != 0.0).collect();
        let record = EpochRecord {
            epoch: epoch + 1,
            loss: mean(&|values| values.0),
            segmentation: terms.remove(TERMS[0]).unwrap_or_default(),
            terms,
            validation_dice: self.validate(&run)?.map(|dice| dice as f32),
        };
        progress.epoch(&record, config.schedule.epochs);
        self.state.history.push(record);
        if self.state.best().is_some_and(|best| best.epoch == epoch + 1) {
            self.best = Weights::of_module(&self.averaged());
        }
        Ok(())
    }

    /// Trains the read-out alone. From then on it stays as it is, and all else adapts to it.
    fn settle_readout(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let mut averaged = self.averaged();
        averaged.readout = self.train_readout(&averaged, progress)?;
        let trained = Weights::of_module(&averaged.readout);
        self.network.readout = trained.load_into(self.network.readout.clone())?;
        self.average = Average::of(&averaged);
        self.freeze_readout();
        Ok(())
    }

    /// The read-out of a network, trained alone.
    ///
    /// - `network`, output: without gradients
    fn train_readout(
        &self,
        network: &Network,
        progress: &mut dyn Progress,
    ) -> Result<ConfounderReadout> {
        let config = self.request.config;
        let maker = BatchMaker {
            profile: self.request.profile,
            preprocess: &self.preprocess,
            augment: &config.augment,
            imposition: &config.imposition,
            imposable: self.imposable,
            seed: config.seed,
        };
        let is_fresh = config.schedule.fresh_readout && config.schedule.readout_epochs > 0;
        let start = match is_fresh {
            true => self.initialization.readout(config.seed),
            false => network.readout.clone(),
        };
        let start = Weights::of_module(&start).load_into(self.network.readout.clone())?;
        let train = self.request.train;
        train_readout(network, start, train, &maker, &self.context, config, progress)
    }

    fn freeze_readout(&mut self) {
        self.network.readout = self.network.readout.clone().no_grad();
    }

    /// How the network runs in the next epoch: the intervention may not have joined yet.
    fn run_config(&self) -> RunConfig {
        let mut run = self.request.config.model.run;
        run.intervention.enabled = self.state.intervenes();
        run
    }

    fn learning_rates(&self, steps_an_epoch: usize) -> LearningRates {
        let TrainConfig { optimizer, schedule, .. } = self.request.config;
        let total = schedule.epochs * steps_an_epoch;
        let rate = |highest| learning_rate(highest, self.state.steps, total, schedule.warmup_ratio);
        LearningRates {
            encoder: rate(optimizer.encoder_learning_rate),
            rest: rate(optimizer.learning_rate),
        }
    }

    fn ema_decay(&self) -> f64 {
        let optimizer = &self.request.config.optimizer;
        let done = self.state.steps as f64;
        optimizer.ema_decay.min((1.0 + done) / (optimizer.ema_ramp + done))
    }

    /// The network with the averaged weights.
    fn averaged(&self) -> Network {
        self.average.network(self.network.valid())
    }

    /// A network with the starting model's share of the weights.
    fn with_start(&self, network: Network) -> Result<Network> {
        let share = self.request.config.optimizer.start_share;
        if share == 0.0 {
            return Ok(network);
        }
        let start = self.initialization.weights.load_into(network.clone())?;
        let mut average = Average::of(&start);
        average.update(&network, share);
        Ok(average.network(network))
    }

    fn validate(&self, run: &RunConfig) -> Result<Option<f64>> {
        let samples = self.request.validation;
        if samples.is_empty() {
            return Ok(None);
        }
        lesion_dice(&self.averaged(), run, samples, self.request.profile, &self.used_preprocess)
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            state: self.state.clone(),
            // Burn updates the running statistics only when a copy is made.
            network: Weights::of_module(&self.network.valid()),
            ema: Weights::of_module(&self.averaged()),
            best: self.best.clone(),
            optimizer: self.optimizer.to_weights(),
        }
    }

    fn resume(&mut self, folder: &Path, resume: bool) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let problem =
            |problem: &str| Error::Checkpoint { path: folder.into(), problem: problem.into() };
        let Some(checkpoint) = Checkpoint::read(folder)? else { return Ok(()) };
        if !resume {
            return Err(problem(
                "there is an unfinished run here; continue it with --resume or choose another folder",
            ));
        }
        if !is_same(&checkpoint.state.config, &self.state.config) {
            return Err(problem(
                "the unfinished run here has another configuration; choose another folder",
            ));
        }
        if checkpoint.state.data != self.request.data {
            return Err(problem(
                "the unfinished run here has other training data; choose another folder",
            ));
        }
        if checkpoint.state.initial_sha256 != self.state.initial_sha256 {
            return Err(problem(
                "the unfinished run here has another CLIP, another encoder or other prompts; choose another folder",
            ));
        }
        self.network = with_named_ids(checkpoint.network.load_into(self.network.clone())?);
        self.average = Average::of(&checkpoint.ema.load_into(self.network.valid())?);
        self.best = checkpoint.best;
        self.optimizer.restore(&self.network, &checkpoint.optimizer);
        self.state = checkpoint.state;
        if self.state.history.len() > self.state.readout_start() {
            self.freeze_readout();
        }
        Ok(())
    }

    fn finish(self, progress: &mut dyn Progress) -> Result<Model> {
        let config = self.request.config;
        let mut network = self.with_start(self.best.load_into(self.network.valid())?)?;
        let best = self.state.best().map_or(0, |record| record.epoch);
        if best <= self.state.readout_start() {
            network.readout = self.train_readout(&network, progress)?;
        }
        let mut provenance = self.request.provenance.clone();
        provenance["training"] = serde_json::json!({
            "config": config,
            "best_epoch": self.state.best().map(|record| record.epoch),
            "history": self.state.history,
        });
        let network = calibrate(
            network,
            self.request.train,
            self.request.profile,
            &self.used_preprocess,
            config,
            self.imposable,
        )?;
        let mut model = Model::new(
            network,
            self.initialization.architecture.clone(),
            config.model.run,
            self.request.profile.clone(),
            self.used_preprocess,
            provenance,
        );
        // Those of the starting model are better than none.
        if let Some(start) = self.request.foundation.model() {
            model.header.expected_dice = start.header.expected_dice;
            model.header.sure_region = start.header.sure_region;
        }
        Ok(model)
    }
}

/// The configuration of a run. A model that is trained already has a read-out for the intervention.
fn resolved(config: &TrainConfig, is_trained: bool) -> TrainConfig {
    let mut config = config.clone();
    if is_trained {
        config.schedule.intervention_start_epoch.get_or_insert(0);
    }
    config
}

/// Whether two configurations are equal as text. A stored one has lost the last bit of some numbers.
fn is_same(stored: &TrainConfig, stated: &TrainConfig) -> bool {
    let text = |config: &TrainConfig| serde_json::to_string(config).expect("plain data");
    let reread: TrainConfig = serde_json::from_str(&text(stated)).expect("written just now");
    text(stored) == text(&reread)
}
