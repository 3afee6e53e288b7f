//! The score that chooses the best epoch.

use burn::tensor::activation::softmax;
use burn::tensor::{DType, Tensor};
use mcdrl_data::AugmentConfig;
use mcdrl_model::{Network, RunConfig};
use mcdrl_runtime::{LESION_BELOW, Preprocess, Profile};

use crate::batch::{BatchMaker, for_each_batch};
use crate::imposition::{Imposable, ImpositionConfig};
use crate::samples::LoadedSamples;
use crate::{Error, Result};

/// Images in a forward pass.
const BATCH: usize = 16;

/// Mean Dice of all lesions together, at the network's input size, over the images with a lesion. `None` if
/// there are no such images.
pub fn lesion_dice(
    network: &Network,
    run: &RunConfig,
    samples: &LoadedSamples,
    profile: &Profile,
    preprocess: &Preprocess,
) -> Result<Option<f64>> {
    let device = network.device();
    let order: Vec<usize> = (0..samples.len()).collect();
    let (plain, nothing) = (AugmentConfig::none(), ImpositionConfig::none());
    let imposable = Imposable::of(profile)?;
    let maker = BatchMaker {
        profile,
        preprocess,
        augment: &plain,
        imposition: &nothing,
        imposable: &imposable,
        seed: 0,
    };
    let (mut sum, mut count) = (0.0, 0);
    for_each_batch(samples, &order, BATCH, &maker, &device, |batch, indices| {
        let size = preprocess.size;
        let logits = network.forward(batch.pixels, run).full_logits(size);
        let background = softmax(logits, 1).narrow(1, 0, 1);
        let lesion = background.lower_elem(LESION_BELOW).float();
        let [rows, channels, ..] = batch.target.dims();
        let truth = batch.target.narrow(1, 1, channels - 1).sum_dim(1);
        let total = |map: Tensor<4>| -> Vec<f32> {
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
