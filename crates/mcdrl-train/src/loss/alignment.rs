//! Image features against texts: the paper's L_causal and L_contrast, and the same contrast at each position.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;
use burn::tensor::module::adaptive_avg_pool2d;
use mcdrl_model::{cosine_similarity, l2_normalize};

use crate::batch::Batch;

/// ‖Pool(F_ca) − (1/M) Σ_m t_{k,m}‖², both of unit length as in CLIP's joint space, over images of a known class.
pub fn causal_loss(pooled: Tensor<2>, batch: &Batch, texts: &Tensor<2>) -> Tensor<1> {
    let classes = texts.dims()[0];
    let known = batch.image_target.clone().narrow(1, 1, classes);
    let wanted = l2_normalize(known.clone().matmul(texts.clone()));
    let distance = (l2_normalize(pooled) - wanted).square().sum_dim(1);
    let known = known.sum_dim(1);
    (distance * known.clone()).sum() / known.sum().clamp_min(1.0)
}

/// Cross-entropy of cos(image, text)/τ over the background and the classes. For a lesion of unknown class, any class is
/// right.
pub fn contrast_loss(
    pooled: Tensor<2>,
    batch: &Batch,
    texts: &Tensor<2>,
    temperature: f32,
) -> Tensor<1> {
    let scores = cosine_similarity(pooled, texts.clone()) / temperature;
    let log = with_unknown(log_softmax(scores, 1));
    (log * batch.image_target.clone()).sum_dim(1).mean().neg()
}

/// [`contrast_loss`] at every grid cell, against the shares of the labels in it. Lesions and their surroundings count
/// equally.
///
/// - `dense`: `[batch, H·W, d]`, `target`: `[batch, K + 2, side, side]`
/// - `texts`: of the background and of the classes, `[K + 1, d]`
pub fn region_loss(
    dense: Tensor<3>,
    [rows, columns]: [usize; 2],
    target: &Tensor<4>,
    texts: Tensor<2>,
    temperature: f32,
) -> Tensor<1> {
    let [batch, channels, ..] = target.dims();
    let shares = adaptive_avg_pool2d(target.clone(), [rows, columns]);
    let shares = shares.reshape([batch, channels, rows * columns]).swap_dims(1, 2);
    let background = shares.clone().narrow(2, 0, 1);
    let lesions = shares.narrow(2, 1, channels - 1);
    let scores = l2_normalize(dense).matmul(texts.transpose().unsqueeze::<3>());
    let log = with_unknown(log_softmax(scores / temperature, 2));
    let log_background = log.clone().narrow(2, 0, 1);
    let log_lesions = log.narrow(2, 1, channels - 1);
    let mean = |log: Tensor<3>, shares: Tensor<3>| {
        (log * shares.clone()).sum() / shares.sum().clamp_min(1.0)
    };
    (mean(log_background, background) + mean(log_lesions, lesions)) * -0.5
}

/// Log probabilities of the background and the K classes, and at the end that of any class.
///
/// - `log`: `[.., K + 1]`
/// - output: `[.., K + 2]`
fn with_unknown<const D: usize>(log: Tensor<D>) -> Tensor<D> {
    let classes = log.dims()[D - 1] - 1;
    let any = log.clone().narrow(D - 1, 1, classes).exp().sum_dim(D - 1);
    Tensor::cat(vec![log, any.clamp_min(1e-6).log()], D - 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    const SIDE: usize = 4;

    fn device() -> Device {
        Device::flex()
    }

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_scalar()
    }

    #[test]
    fn the_causal_loss_uses_only_images_of_a_known_class() {
        let rows = |values: Vec<f32>, width: usize| {
            let height = values.len() / width;
            Tensor::<2>::from_data(TensorData::new(values, [height, width]), &device())
        };
        let texts = rows(vec![1.0, 0.0, 0.0, 1.0], 2);
        let batch = |image_target: Vec<f32>| Batch {
            pixels: Tensor::zeros([2, 3, SIDE, SIDE], &device()),
            target: Tensor::zeros([2, 4, SIDE, SIDE], &device()),
            image_target: rows(image_target, 4),
            twins: None,
        };
        let pooled = || rows(vec![3.0, 0.0, 0.0, 5.0], 2);
        let known = batch(vec![0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert!(value(causal_loss(pooled(), &known, &texts)) < 1e-6);
        let swapped = batch(vec![0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!((value(causal_loss(pooled(), &swapped, &texts)) - 2.0).abs() < 1e-5);
        // The second image is lesion-free, then of unknown class. Only the first image counts.
        for place in [0, 3] {
            let mut image_target = vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
            image_target[4 + place] = 1.0;
            let loss = value(causal_loss(pooled(), &batch(image_target), &texts));
            assert!((loss - 2.0).abs() < 1e-5);
        }
    }
}
