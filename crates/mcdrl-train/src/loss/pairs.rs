//! The terms of imposed pairs: an image and its twin, which shows the same scene under a confounder.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, relu, sigmoid, softmax};
use burn::tensor::module::adaptive_avg_pool2d;
use mcdrl_model::{Doses, Network, NetworkOutput};

use crate::batch::Twins;

/// The margin of the ranking: the logit of a dose rises by this times the strength.
const MARGIN: f64 = 2.0;

/// The least variance of a channel that others are compared with.
const LEAST_VARIANCE: f64 = 1e-4;

/// The difference that counts as small in the loss of the removal, in standard deviations; larger ones count linearly.
const SMALL: f64 = 1.0;

/// The rows of the images that have a twin, and of the twins.
fn halves<const D: usize>(rows: &Tensor<D>, twins: usize) -> (Tensor<D>, Tensor<D>) {
    let total = rows.dims()[0];
    (rows.clone().narrow(0, 0, twins), rows.clone().narrow(0, total - twins, twins))
}

/// The mean over the pairs with weight 1.
///
/// - `values`, `weights`: `[T]`
fn mean(values: Tensor<1>, weights: &Tensor<1>) -> Tensor<1> {
    (values * weights.clone()).sum() / weights.clone().sum().clamp_min(1.0)
}

/// The mean square difference of the probabilities of a pair, where no pixel moved.
///
/// - `logits`: `[rows, K + 1, _, _]`, `still`: 1 where no pixel moved, `[T]`
pub fn agreement(logits: &Tensor<4>, twins: usize, still: &Tensor<1>) -> Tensor<1> {
    let (clean, twin) = halves(logits, twins);
    let difference = (softmax(clean, 1) - softmax(twin, 1)).square().sum_dim(1);
    mean(difference.flatten::<2>(1, 3).mean_dim(1).squeeze_dim(1), still)
}

/// The doses of a pair: those of the images, and at the positions where the imposed confounder acts its dose is 1.
///
/// - `absent`: how surely a clean image does not show a confounder, `[M]`
/// - `independent`: `[M, M]`
pub fn dose_loss(
    doses: &Doses,
    twins: &Twins,
    absent: &Tensor<1>,
    independent: &Tensor<2>,
) -> Tensor<1> {
    let Twins { count, confounder, strength, map } = twins;
    let pair = halves(&doses.image, *count);
    let of_images = image_dose_loss(pair, confounder, strength, absent, independent);
    let (_, local) = halves(&doses.local, *count);
    let [_, _, rows, columns] = local.dims();
    let local = (local * confounder.clone().unsqueeze_dims::<4>(&[2, 3])).sum_dim(1);
    let place = adaptive_avg_pool2d(map.clone(), [rows, columns]);
    of_images + cross_entropy(local, place).mean()
}

/// The doses of the images of a pair: that of the imposed confounder is its strength; it ranks above that of the clean image;
/// the doses of independent confounders do not change; and a clean image shows few confounders.
///
/// - `clean`, `twin`: the logits, `[T, M]`
/// - `confounder`, `strength`: those of [`Twins`]
pub fn image_dose_loss(
    (clean, twin): (Tensor<2>, Tensor<2>),
    confounder: &Tensor<2>,
    strength: &Tensor<2>,
    absent: &Tensor<1>,
    independent: &Tensor<2>,
) -> Tensor<1> {
    let of_imposed = |logits: Tensor<2>| (logits * confounder.clone()).sum_dim(1);
    let (before, after) = (of_imposed(clean.clone()), of_imposed(twin.clone()));
    let regression = cross_entropy(after.clone(), strength.clone()).mean();
    let wanted = before + strength.clone() * MARGIN;
    let ranking = relu(wanted - after).mean();
    let free = confounder.clone().matmul(independent.clone());
    let change = (sigmoid(twin) - sigmoid(clean.clone()).detach()).square();
    let unchanged = (change * free.clone()).sum() / free.sum().clamp_min(1.0);
    let weights = absent.clone().unsqueeze::<2>();
    let false_alarms = cross_entropy(clean.clone(), clean.zeros_like()) * weights.clone();
    let false_alarms = false_alarms.sum_dim(1).mean() / weights.sum().clamp_min(1.0);
    regression + (ranking + unchanged + false_alarms) * 0.5
}

/// −t ln σ(x) − (1 − t) ln(1 − σ(x)).
fn cross_entropy<const D: usize>(logits: Tensor<D>, target: Tensor<D>) -> Tensor<D> {
    let yes = target.clone() * log_sigmoid(logits.clone());
    let no = target.neg().add_scalar(1.0) * log_sigmoid(logits.neg());
    (yes + no).neg()
}

/// The removal takes out what was imposed: D(F(x_z)) ≈ D(F(x)) and R(D(F(x)), z) ≈ F(x_z), each channel in its standard
/// deviation over the clean image. It trains D, R and the doses only: no gradient passes to the features.
pub fn removal(
    network: &Network,
    output: &NetworkOutput,
    twins: &Twins,
    still: &Tensor<1>,
) -> Tensor<1> {
    let count = twins.count;
    let (clean, twin): (Vec<_>, Vec<_>) =
        output.levels.iter().map(|level| halves(&level.clone().detach(), count)).unzip();
    let (clean_doses, twin_doses) = halves(&output.present, count);
    let restored = network.remove(clean.clone(), &clean_doses);
    let corrected = network.remove(twin.clone(), &twin_doses);
    // The true dose.
    let [_, _, rows, columns] = output.present.dims();
    let place = adaptive_avg_pool2d(twins.map.clone(), [rows, columns]);
    let dose = twins.confounder.clone() * twins.strength.clone();
    let dose = dose.unsqueeze_dims::<4>(&[2, 3]) * place;
    let imposed =
        network.impose(restored.iter().map(|level| level.clone().detach()).collect(), &dose);
    let mut total = still.zeros_like();
    let levels = clean.len();
    for (level, clean) in clean.into_iter().enumerate() {
        let scale = deviation(clean).recip();
        total = total
            + distance(&corrected[level], &restored[level], &scale)
            + distance(&imposed[level], &twin[level], &scale);
    }
    mean(total / levels as f32, still)
}

/// The features of a pair agree, each channel in its standard deviation over the clean image. It trains the features of the twin.
///
/// - `levels`: fine to coarse, each `[rows, width, _, _]`
pub fn same_features(levels: &[Tensor<4>], twins: usize, still: &Tensor<1>) -> Tensor<1> {
    let apart = levels.iter().map(|level| {
        let (clean, twin) = halves(level, twins);
        distance(&twin, &clean, &deviation(clean.clone().detach()).recip())
    });
    let total = apart.reduce(|sum, apart| sum + apart).expect("there are levels");
    mean(total / levels.len() as f32, still)
}

/// How far `a` is from `b`, a mean over channels and positions: `[T]`. No gradient passes to `b`.
fn distance(a: &Tensor<4>, b: &Tensor<4>, scale: &Tensor<4>) -> Tensor<1> {
    let apart = (a.clone() - b.clone().detach()) * scale.clone();
    robust(apart).flatten::<2>(1, 3).mean_dim(1).squeeze_dim::<1>(1)
}

/// A square for small differences, linear for large ones (Huber): a few extreme channels must not decide.
fn robust(difference: Tensor<4>) -> Tensor<4> {
    let size = difference.abs();
    let small = size.clone().clamp_max(SMALL);
    small.clone() * (size - small * 0.5)
}

/// The standard deviation of each channel over the positions of an image: `[T, width, 1, 1]`.
fn deviation(level: Tensor<4>) -> Tensor<4> {
    let [rows, width, ..] = level.dims();
    let values = level.flatten::<3>(2, 3);
    let centred = values.clone() - values.mean_dim(2);
    let variance = centred.square().mean_dim(2).add_scalar(LEAST_VARIANCE);
    variance.sqrt().reshape([rows, width, 1, 1])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn device() -> Device {
        Device::flex()
    }

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_scalar()
    }

    fn table(values: &[f32], rows: usize) -> Tensor<2> {
        let data = TensorData::new(values.to_vec(), [rows, values.len() / rows]);
        Tensor::from_data(data, &device())
    }

    #[test]
    fn only_pairs_without_moved_pixels_must_agree() {
        let logits = |values: [f32; 4]| {
            let rows: Vec<f32> = values.iter().flat_map(|v| [0.0, *v]).collect();
            Tensor::<4>::from_data(TensorData::new(rows, [4, 2, 1, 1]), &device())
        };
        let still = |values: [f32; 2]| Tensor::<1>::from_floats(values, &device());
        assert!(value(agreement(&logits([3.0, 2.0, 3.0, 2.0]), 2, &still([1.0, 1.0]))) < 1e-9);
        let apart = logits([3.0, 2.0, 3.0, -2.0]);
        assert!(value(agreement(&apart, 2, &still([1.0, 0.0]))) < 1e-9);
        assert!(value(agreement(&apart, 2, &still([1.0, 1.0]))) > 0.3);
    }

    #[test]
    fn features_agree_where_no_pixel_moved() {
        let level = |clean: [f32; 2], twin: [f32; 2]| {
            let data = TensorData::new([clean, twin].concat(), [2, 1, 1, 2]);
            vec![Tensor::<4>::from_data(data, &device())]
        };
        let still = |value| Tensor::<1>::from_floats([value], &device());
        let apart = |twin, still| value(same_features(&level([1.0, 3.0], twin), 1, &still));
        assert!(apart([1.0, 3.0], still(1.0)) < 1e-9);
        // One standard deviation is 1, and half its square counts.
        assert!((apart([2.0, 4.0], still(1.0)) - 0.5).abs() < 1e-3);
        assert_eq!(apart([2.0, 4.0], still(0.0)), 0.0);
    }

    #[test]
    fn doses_are_right_if_only_the_imposed_one_rises() {
        let twins = Twins {
            count: 1,
            confounder: table(&[0.0, 1.0], 1),
            strength: table(&[0.9], 1),
            map: Tensor::ones([1, 1, 4, 4], &device()),
        };
        let absent = Tensor::<1>::from_floats([1.0, 0.0], &device());
        let independent = table(&[0.0, 1.0, 1.0, 0.0], 2);
        let of = |clean: [f32; 2], twin: [f32; 2], local: f32| {
            let image = table(&[clean, twin].concat(), 2);
            let local = Tensor::full([2, 2, 2, 2], local, &device());
            value(dose_loss(
                &Doses { presence: image.clone(), image, local },
                &twins,
                &absent,
                &independent,
            ))
        };
        let right = of([-6.0, -3.0], [-6.0, 2.2], 6.0);
        assert!(right < 0.36, "{right}"); // The entropy of a dose of 0.9.
        assert!(of([-6.0, -3.0], [-6.0, -3.0], 6.0) > right + 1.0); // It was not seen.
        assert!(of([-6.0, -3.0], [3.0, 2.2], 6.0) > right + 0.2); // Another one was seen.
        assert!(of([3.0, -3.0], [3.0, 2.2], 6.0) > right + 0.5); // One was always there.
        assert!(of([-6.0, -3.0], [-6.0, 2.2], -6.0) > right + 1.0); // It was seen nowhere.
    }
}
