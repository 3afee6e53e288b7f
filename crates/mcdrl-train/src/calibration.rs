//! The calibration of a trained network: what counts as visible, and what as unfamiliar.

use burn::tensor::{DType, Device, Tensor, TensorData};
use mcdrl_model::{Familiarity, Network};
use mcdrl_runtime::{Observation, Preprocess, Profile, logistic_regression};
use nalgebra::{Cholesky, DMatrix, DVector};

use crate::batch::{BatchMaker, for_each_batch};
use crate::config::TrainConfig;
use crate::imposition::{Imposable, ImpositionConfig};
use crate::samples::LoadedSamples;
use crate::seed::mix;
use crate::{Error, Result};

/// Images in a forward pass.
const BATCH: usize = 16;

/// A confounder of at least this strength is visible, and one of at most [`INVISIBLE`] is not. Between them it is a matter of
/// opinion.
const VISIBLE: f32 = 0.35;
const INVISIBLE: f32 = 0.1;

/// The share of the covariance that knows no correlations, so that few images suffice.
const SHRINKAGE: f64 = 0.05;

/// The share of the training images that may be further away than the limit.
const UNFAMILIAR: f64 = 0.01;

/// How much further than the farthest of the others an unfamiliar image is: the limit of the distance is this many times the
/// quantile.
const CLEARANCE: f32 = 1.5;

/// The steepness of the logit around the limit: e times the distance is unfamiliar with a probability of 0.98.
const STEEPNESS: f32 = 4.0;

/// The punishment of a steep presence.
const RIDGE: f64 = 1e-3;

/// Slope and offset of a presence that is always low.
const NOTHING: [f32; 2] = [0.0, -10.0];

/// The logit of a dose whose presence is known.
struct Example {
    logit: f32,
    visible: bool,
    /// How surely it is known, 0..1.
    weight: f32,
}

/// Calibrates a network on training images, under the augmentation and the confounders of training. Grey and narrow-band
/// pictures are therefore familiar.
///
/// # Errors
/// [`Error::Config`] without images.
pub fn calibrate(
    network: Network,
    samples: &LoadedSamples,
    profile: &Profile,
    preprocess: &Preprocess,
    config: &TrainConfig,
    imposable: &Imposable,
) -> Result<Network> {
    if samples.is_empty() {
        return Err(Error::Config("calibration needs images".into()));
    }
    let device = network.device();
    let order: Vec<usize> = (0..samples.len()).collect();
    let imposition = ImpositionConfig::everywhere(0.0);
    let maker = BatchMaker {
        profile,
        preprocess,
        augment: &config.augment,
        imposition: &imposition,
        imposable,
        seed: mix(&[config.seed, 5]),
    };
    let absent = imposable.absent();
    let (mut features, mut examples) = (Vec::new(), Vec::new());
    for_each_batch(samples, &order, BATCH, &maker, &device, |batch, _| {
        let output = network.forward(batch.pixels, &config.model.run);
        features.extend(rows(output.features));
        if let Some(twins) = &batch.twins {
            let doses = rows(output.doses.image);
            let (clean, changed) = doses.split_at(doses.len() - twins.count);
            let imposed = rows(twins.confounder.clone());
            let strengths = rows(twins.strength.clone());
            for (row, confounder) in imposed.iter().enumerate() {
                let index = confounder.iter().position(|hot| *hot > 0.5).expect("one-hot");
                let strength = strengths[row][0];
                let mut example = |logit, visible, weight| {
                    if weight > 0.0 {
                        examples.push(Example { logit, visible, weight });
                    }
                };
                if strength >= VISIBLE {
                    example(changed[row][index], true, 1.0);
                } else if strength <= INVISIBLE {
                    example(changed[row][index], false, absent[index]);
                }
                for (logit, weight) in clean[row].iter().zip(&absent) {
                    example(*logit, false, *weight);
                }
            }
        }
        Ok::<_, Error>(())
    })?;
    let mut network = network;
    let calibrated = logistic(&examples).filter(|[slope, _]| *slope > 0.0);
    // A read-out that does not see what is imposed claims nothing.
    let [slope, offset] = calibrated.unwrap_or(NOTHING);
    network.readout = network.readout.with_presence(slope, offset);
    network.familiarity = familiarity(&features, &device)?;
    Ok(network)
}

/// The cloud of features, and its limit.
fn familiarity(features: &[Vec<f32>], device: &Device) -> Result<Familiarity> {
    let (count, width) = (features.len(), features[0].len());
    let matrix = DMatrix::from_fn(count, width, |row, column| f64::from(features[row][column]));
    let mean = DVector::from_iterator(width, matrix.column_iter().map(|column| column.mean()));
    let centred =
        DMatrix::from_fn(count, width, |row, column| matrix[(row, column)] - mean[column]);
    let covariance = centred.transpose() * &centred / count as f64;
    let variances = DMatrix::from_diagonal(&covariance.diagonal());
    let covariance = covariance * (1.0 - SHRINKAGE)
        + variances * SHRINKAGE
        + DMatrix::identity(width, width) * 1e-9;
    let broken = || Error::Config("the features of the images are no numbers".into());
    let lower = Cholesky::new(covariance).ok_or_else(broken)?.l();
    // Σ = L Lᵀ, so the rows times L^(-T) have the unit covariance.
    let whitening = lower.try_inverse().ok_or_else(broken)?.transpose();
    let whitened = &centred * &whitening;
    // As if the cloud did not know the image.
    let left_out = |squared: f64| {
        let own = (1.0 - SHRINKAGE) * squared / count as f64;
        (squared / (1.0 - own).max(1e-3) / width as f64) as f32
    };
    let mut distances: Vec<f32> =
        whitened.row_iter().map(|row| left_out(row.norm_squared())).collect();
    distances.sort_by(f32::total_cmp);
    let at = ((1.0 - UNFAMILIAR) * (count - 1) as f64).round() as usize;
    let limit = [(distances[at] * CLEARANCE).max(1e-3), STEEPNESS];
    let values = |matrix: &DMatrix<f64>| -> Vec<f32> {
        // nalgebra stores columns.
        matrix.transpose().iter().map(|value| *value as f32).collect()
    };
    let mean: Vec<f32> = mean.iter().map(|value| *value as f32).collect();
    Ok(Familiarity::new(
        Tensor::from_data(TensorData::new(mean, [width]), device),
        Tensor::from_data(TensorData::new(values(&whitening), [width, width]), device),
        limit,
    ))
}

/// Slope and offset of a logistic regression, both kinds of examples weighted equally (Platt 1999). `None` without examples of
/// both kinds.
fn logistic(examples: &[Example]) -> Option<[f32; 2]> {
    let total = |kind: bool| {
        let of_kind = examples.iter().filter(|example| example.visible == kind);
        of_kind.map(|example| f64::from(example.weight)).sum::<f64>()
    };
    let (yes, no) = (total(true), total(false));
    if yes == 0.0 || no == 0.0 {
        return None;
    }
    let observation = |example: &Example| Observation {
        x: f64::from(example.logit),
        target: f64::from(u8::from(example.visible)),
        weight: 0.5 * f64::from(example.weight) / if example.visible { yes } else { no },
    };
    let observations: Vec<Observation> = examples.iter().map(observation).collect();
    Some(logistic_regression(&observations, RIDGE).map(|value| value as f32))
}

fn rows(table: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, width] = table.dims();
    let values: Vec<f32> =
        table.into_data_dtype(DType::F32).try_to_vec().expect("converted to f32 just now");
    values.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presence_is_one_half_between_both_kinds() {
        let example = |at: usize| Example {
            logit: at as f32 / 50.0 - 2.0,
            visible: at % 7 + at / 2 > 55,
            weight: 1.0,
        };
        let examples: Vec<_> = (0..200).map(example).collect();
        let [slope, offset] = logistic(&examples).unwrap();
        let presence = |logit: f32| 1.0 / (1.0 + (-(slope * logit + offset)).exp());
        assert!(slope > 1.0 && presence(-2.0) < 0.1 && presence(2.0) > 0.9, "{slope} {offset}");
        assert!((presence(0.1) - 0.5).abs() < 0.2, "{}", presence(0.1));
        assert_eq!(logistic(&examples[..10]), None);
    }

    #[test]
    fn a_cloud_has_the_mean_distance_one_and_far_points_are_unfamiliar() {
        // Two correlated features.
        let features: Vec<Vec<f32>> = (0..400)
            .map(|at| {
                let (a, b) = ((at as f32 * 0.7).sin(), (at as f32 * 1.3).cos());
                vec![a, 2.0 * (a + b)]
            })
            .collect();
        let device = Device::flex();
        let cloud = familiarity(&features, &device).unwrap();
        let table = |rows: &[Vec<f32>]| {
            let data = TensorData::new(rows.concat(), [rows.len(), 2]);
            Tensor::<2>::from_data(data, &device)
        };
        let mean = cloud.distance(table(&features)).mean().into_scalar::<f32>();
        assert!((mean - 1.0).abs() < 0.2, "{mean}");
        let logits: Vec<f32> = cloud
            .forward(table(&[vec![0.5, 1.0], vec![3.0, -3.0]]))
            .into_data()
            .try_to_vec()
            .unwrap();
        assert!(logits[0] < -1.0 && logits[1] > 1.0, "{logits:?}");
    }
}
