//! The loss: L = L_seg + 0.5 · L_causal + 0.1 · L_contrast (paper section 3.5), and the terms of the imposed pairs.

mod alignment;
mod pairs;
mod segmentation;

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, TensorData, Transaction};
use mcdrl_model::{CausalIntervention, Doses, Network, NetworkOutput};

pub(crate) use alignment::region_loss;

use crate::batch::{Batch, Twins};
use crate::config::{LossConfig, PairLossConfig};
use crate::foundation::ProfileTexts;
use crate::imposition::Imposable;

/// What the loss knows besides the batch.
pub struct LossContext {
    /// The background and the classes, of unit length: `[K + 1, d]`.
    labels: Tensor<2>,
    /// (1/M) Σ_m t_{k,m}: `[K, d]`.
    causal: Option<Tensor<2>>,
    /// 1 for confounders that move no pixel: `[M]`.
    acting: Tensor<1>,
    /// How surely an unchanged picture does not show a confounder, 0..1: `[M]`.
    absent: Tensor<1>,
    /// 1 at (z, m) if imposing z must not change the dose of m: `[M, M]`.
    independent: Tensor<2>,
}

/// The names of the terms, in the order of [`Loss::terms`].
pub const TERMS: [&str; 8] =
    ["segmentation", "causal", "contrast", "region", "agreement", "doses", "removal", "features"];

/// The loss and its terms, each `[1]`.
pub struct Loss {
    /// The sum that is differentiated.
    pub total: Tensor<1>,
    /// Each term before its weight, as in [`TERMS`]; zero if it is off.
    pub terms: [Tensor<1>; TERMS.len()],
}

impl LossContext {
    /// The context on a device.
    pub fn new(texts: &ProfileTexts, imposable: &Imposable, device: &Device) -> Self {
        let row = |values: Vec<f32>| {
            let count = values.len();
            Tensor::<1>::from_data(TensorData::new(values, [count]), device)
        };
        let (acting, absent) = (row(imposable.acting()), row(imposable.absent()));
        let [count] = acting.dims();
        let independent = row(imposable.independent()).reshape([count, count]);
        let moved = |texts: &Tensor<2>| Tensor::from_data(texts.clone().into_data(), device);
        let (labels, causal) = (moved(&texts.labels), texts.causal.as_ref().map(moved));
        Self { labels, causal, acting, absent, independent }
    }

    /// How wrong the doses of images and their twins are: `[1]`.
    pub fn dose_loss(&self, doses: &Doses, twins: &Twins) -> Tensor<1> {
        pairs::dose_loss(doses, twins, &self.absent, &self.independent)
    }

    /// The part of it that does not look at positions.
    ///
    /// - `pair`: the logits of images and their twins, `[T, M]` each
    /// - `confounder`, `strength`: those of [`Twins`]
    pub fn image_dose_loss(
        &self,
        pair: (Tensor<2>, Tensor<2>),
        confounder: &Tensor<2>,
        strength: &Tensor<2>,
    ) -> Tensor<1> {
        pairs::image_dose_loss(pair, confounder, strength, &self.absent, &self.independent)
    }
}

impl Loss {
    /// Reads the total and the terms from the device, in one transfer.
    pub fn values(&self) -> (f32, [f32; TERMS.len()]) {
        let all = Transaction::default().register(self.total.clone());
        let all = self.terms.iter().fold(all, |all, term| all.register(term.clone()));
        let read = all.execute();
        let mut values = read.into_iter().map(|data| {
            let value: Vec<f32> = data.convert::<f32>().try_to_vec().expect("converted just now");
            value[0]
        });
        let total = values.next().expect("it was registered");
        (total, std::array::from_fn(|_| values.next().expect("it was registered")))
    }
}

/// The loss of one batch.
pub fn loss(
    network: &Network,
    output: &NetworkOutput,
    batch: &Batch,
    context: &LossContext,
    config: &LossConfig,
) -> Loss {
    let labels = &context.labels;
    let segmentation = supervised(network, output, &batch.target, config);
    let off = || segmentation.zeros_like();
    let on = |weight: f32, term: &dyn Fn() -> Tensor<1>| if weight > 0.0 { term() } else { off() };
    let causal = match (&output.causal, &context.causal) {
        (Some(pooled), Some(texts)) => alignment::causal_loss(pooled.clone(), batch, texts),
        _ => off(),
    };
    let contrast = on(config.contrast, &|| {
        alignment::contrast_loss(output.pooled.clone(), batch, labels, config.temperature)
    });
    let region = on(config.region, &|| {
        let (dense, grid) = (output.dense.clone(), output.regions.grid);
        region_loss(dense, grid, &batch.target, labels.clone(), config.region_temperature)
    });
    let [agreement, doses, removal, features] = match &batch.twins {
        Some(twins) => pair_terms(network, output, twins, context, &config.pairs, &on),
        None => [off(), off(), off(), off()],
    };
    let total = segmentation.clone()
        + causal.clone() * config.causal
        + contrast.clone() * config.contrast
        + region.clone() * config.region
        + agreement.clone() * config.pairs.agreement
        + doses.clone() * config.pairs.doses
        + removal.clone() * config.pairs.removal
        + features.clone() * config.pairs.features;
    let terms = [segmentation, causal, contrast, region, agreement, doses, removal, features];
    Loss { total, terms }
}

/// L_seg of the answer, and of the coarser answers inside the head (deep supervision), coarser ones with less weight.
fn supervised(
    network: &Network,
    output: &NetworkOutput,
    target: &Tensor<4>,
    config: &LossConfig,
) -> Tensor<1> {
    let [_, _, side, _] = target.dims();
    let mut total = segmentation::segmentation_loss(output.full_logits(side), target, config.dice);
    if config.auxiliary == 0.0 {
        return total;
    }
    let mut weight = config.auxiliary;
    for logits in network.head.auxiliary_logits(&output.decoded).into_iter().rev() {
        let [_, _, rows, columns] = logits.dims();
        let target = adaptive_avg_pool2d(target.clone(), [rows, columns]);
        total = total + segmentation::segmentation_loss(logits, &target, config.dice) * weight;
        weight *= 0.5;
    }
    total
}

/// The terms of the imposed pairs: masks agree, doses are right, the removal takes out what was imposed, and features agree.
fn pair_terms(
    network: &Network,
    output: &NetworkOutput,
    twins: &Twins,
    context: &LossContext,
    config: &PairLossConfig,
    on: &dyn Fn(f32, &dyn Fn() -> Tensor<1>) -> Tensor<1>,
) -> [Tensor<1>; 4] {
    // 1 for pairs whose pixels did not move: `[T]`.
    let still = twins.confounder.clone().matmul(context.acting.clone().unsqueeze_dim::<2>(1));
    let still = still.squeeze_dim::<1>(1);
    [
        on(config.agreement, &|| pairs::agreement(&output.logits, twins.count, &still)),
        on(config.doses, &|| context.dose_loss(&output.doses, twins)),
        match network.intervention {
            CausalIntervention::Removal(_) => {
                on(config.removal, &|| pairs::removal(network, output, twins, &still))
            }
            CausalIntervention::Attention(_) => still.zeros_like().sum(),
        },
        on(config.features, &|| pairs::same_features(&output.levels, twins.count, &still)),
    ]
}
