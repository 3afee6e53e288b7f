//! The initial state of a training run: the pre-trained encoder, the dictionary, and seeded random weights for the rest. It is
//! always computed on the CPU, so that a seed gives the same weights for every training device.

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_model::clip::ClipVisionEncoderConfig;
use mcdrl_model::{ConfounderReadout, Network, NetworkConfig};
use mcdrl_runtime::Weights;

use crate::config::TrainConfig;
use crate::foundation::Foundation;
use crate::frozen_norms::with_frozen_norms;
use crate::imposition::Imposable;
use crate::named_ids::with_named_ids;
use crate::seed::seeded;
use crate::{Error, Result};

/// The initial state of a training run.
pub struct Initialization {
    /// The network's architecture.
    pub architecture: NetworkConfig,
    /// The network's initial weights.
    pub weights: Weights,
    classes: usize,
    confounders: usize,
}

impl Initialization {
    /// Initializes a run.
    ///
    /// # Errors
    /// If the encoder's file lacks a tensor.
    pub fn new(
        foundation: &Foundation,
        imposable: &Imposable,
        config: &TrainConfig,
    ) -> Result<Self> {
        let texts = &foundation.texts;
        let [labels, _] = texts.labels.dims();
        let [confounders, text_width] = texts.dictionary.entries().dims();
        let architecture = config.architecture(&foundation.vision, text_width);
        if let Some(model) = foundation.model() {
            let text = |of: &NetworkConfig| serde_json::to_string(of).expect("plain data");
            if text(&model.header.architecture) != text(&architecture) {
                return Err(Error::Config(
                    "a trained model keeps its sizes: leave `model.readout`, `model.intervention` and `model.head` out".into(),
                ));
            }
        }
        let row = |values: Vec<f32>| {
            let count = values.len();
            Tensor::from_data(TensorData::new(values, [count]), &Device::flex())
        };
        let dictionary = texts
            .dictionary
            .clone()
            .with_prior(row(imposable.prior()))
            .with_acting(row(imposable.acting()));
        let weights = seeded(config.seed, || -> Result<Weights> {
            let visual = foundation.visual()?;
            let network = architecture.with_parts(visual, texts.labels.clone(), dictionary);
            let network = match foundation.model() {
                Some(model) => Weights::of_module(&model.network).load_into(network)?,
                None => network,
            };
            Ok(Weights::of_module(&network))
        })?;
        Ok(Self { architecture, weights, classes: labels - 1, confounders })
    }

    /// A read-out with random weights, on the CPU.
    pub fn readout(&self, seed: u64) -> ConfounderReadout {
        let init = || self.architecture.init(self.classes, self.confounders, &Device::flex());
        seeded(seed, init).readout
    }

    /// The network on the device that trains it.
    ///
    /// # Errors
    /// If the weights do not fit the network, which would be a bug of this crate.
    pub fn network(&self, device: &Device) -> Result<Network> {
        let network = self.architecture.init(self.classes, self.confounders, device);
        let mut network = with_named_ids(self.weights.load_into(network)?);
        if let ClipVisionEncoderConfig::Lite(_) = self.architecture.vision {
            network.visual = with_frozen_norms(network.visual);
        }
        Ok(network)
    }
}
