//! L_seg: pixel cross-entropy and a soft Dice loss.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Pixel cross-entropy and, weighted by `dice`, a soft Dice loss: the mean over all lesions together and each class
/// that the image has. For a lesion of unknown class, the sum of the lesion classes' probabilities counts.
///
/// - `logits`: `[batch, K + 1, side, side]`, `target`: `[batch, K + 2, side, side]`
pub fn segmentation_loss(logits: Tensor<4>, target: &Tensor<4>, dice: f32) -> Tensor<1> {
    let [batch, channels, side, _] = logits.dims();
    let log = log_softmax(logits, 1);
    let probability = log.clone().exp();
    let lesion = probability.clone().narrow(1, 0, 1).neg().add_scalar(1.0).clamp_min(1e-6);
    let log = Tensor::cat(vec![log, lesion.clone().log()], 1);
    let entropy = (log * target.clone()).sum().neg() / (batch * side * side) as f32;
    if dice == 0.0 {
        return entropy;
    }
    let pixels = |map: Tensor<4>| map.flatten::<3>(2, 3);
    let predicted = pixels(Tensor::cat(vec![lesion, probability.narrow(1, 1, channels - 1)], 1));
    let truth = pixels(Tensor::cat(
        vec![
            target.clone().narrow(1, 1, channels).sum_dim(1),
            target.clone().narrow(1, 1, channels - 1),
        ],
        1,
    ));
    let size = truth.clone().sum_dim(2);
    let overlap = (predicted.clone() * truth).sum_dim(2) * 2.0 + 1.0;
    let missing = (overlap / (predicted.sum_dim(2) + size.clone() + 1.0)).neg().add_scalar(1.0);
    // The first row is all lesions together. It counts in every image.
    let [_, rows, _] = size.dims();
    let present = size.greater_elem(0.0).float();
    let counts = Tensor::cat(
        vec![present.clone().narrow(1, 0, 1).ones_like(), present.narrow(1, 1, rows - 1)],
        1,
    );
    let dice_loss = ((missing * counts.clone()).sum_dim(1) / counts.sum_dim(1)).mean();
    entropy + dice_loss * dice
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    const SIDE: usize = 4;

    fn device() -> Device {
        Device::flex()
    }

    /// One image whose left half has the label `channel` and whose right half is background.
    fn target(channel: usize, channels: usize) -> Tensor<4> {
        let plane = SIDE * SIDE;
        let mut values = vec![0.0f32; channels * plane];
        for at in 0..plane {
            let channel = if at % SIDE < SIDE / 2 { channel } else { 0 };
            values[channel * plane + at] = 1.0;
        }
        Tensor::from_data(TensorData::new(values, [1, channels, SIDE, SIDE]), &device())
    }

    fn value(loss: Tensor<1>) -> f32 {
        loss.into_scalar()
    }

    #[test]
    fn the_loss_is_low_for_right_answers_and_high_for_wrong_ones() {
        let right = target(1, 3) * 30.0;
        let wrong = target(2, 3) * 30.0;
        let truth = target(1, 4);
        for dice in [0.0, 1.0] {
            assert!(value(segmentation_loss(right.clone(), &truth, dice)) < 1e-3);
            assert!(value(segmentation_loss(wrong.clone(), &truth, dice)) > 5.0);
        }
    }

    #[test]
    fn a_lesion_of_unknown_class_accepts_any_class() {
        // Channel 3 of four: background, two classes, unknown.
        let truth = target(3, 4);
        let of = |channel| value(segmentation_loss(target(channel, 3) * 30.0, &truth, 1.0));
        assert!(of(1) < 1e-3 && of(2) < 1e-3, "{} {}", of(1), of(2));
        assert!(of(0) > 5.0);
    }

    #[test]
    fn lesion_free_images_need_a_lesion_free_answer() {
        let truth = target(0, 4);
        assert!(value(segmentation_loss(target(0, 3) * 30.0, &truth, 1.0)) < 1e-3);
        assert!(value(segmentation_loss(target(1, 3) * 30.0, &truth, 1.0)) > 5.0);
    }
}
