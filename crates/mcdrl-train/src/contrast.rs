//! The contrast of images and captions (Radford et al. 2021), with soft targets, because several captions can be true of an image.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

/// Two targets from how true each caption is of each image, `[images, captions]` each. Rows of the first sum to one, and columns
/// of the second.
///
/// - `truth`: 0..1, row by row
pub fn soft_targets(truth: &[f32], captions: usize) -> [TensorData; 2] {
    let (count, images) = (truth.len(), truth.len() / captions);
    let share = |sum: f32, value: f32| if sum > 0.0 { value / sum } else { 0.0 };
    let by_image = (0..count)
        .map(|at| share(truth[at / captions * captions..][..captions].iter().sum(), truth[at]));
    let by_text = (0..count)
        .map(|at| share(truth.iter().skip(at % captions).step_by(captions).sum(), truth[at]));
    [by_image.collect::<Vec<_>>(), by_text.collect()]
        .map(|values| TensorData::new(values, [images, captions]))
}

/// The mean cross-entropy of both directions against soft targets.
///
/// - `images`: `[images, d]`, `texts`: `[captions, d]`, both of unit length
/// - `scale`: 1/τ, `[1]`
pub fn contrastive_loss(
    scale: Tensor<1>,
    images: Tensor<2>,
    texts: Tensor<2>,
    targets: [TensorData; 2],
) -> Tensor<1> {
    let device = images.device();
    let scores = images.matmul(texts.transpose()) * scale.unsqueeze::<2>();
    let [by_image, by_text] = targets.map(|target| Tensor::<2>::from_data(target, &device));
    let image_loss = (log_softmax(scores.clone(), 1) * by_image).sum_dim(1).mean();
    let text_loss = (log_softmax(scores, 0) * by_text).sum_dim(0).mean();
    (image_loss + text_loss) * -0.5
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn targets_are_shares_of_each_image_and_of_each_caption() {
        let [by_image, by_text] = soft_targets(&[1.0, 1.0, 0.0, 0.0, 1.0, 0.0], 3);
        let values = |data: TensorData| data.try_to_vec::<f32>().unwrap();
        assert_eq!(values(by_image), [0.5, 0.5, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(values(by_text), [1.0, 0.5, 0.0, 0.0, 0.5, 0.0]);
    }

    #[test]
    fn images_beside_their_captions_have_a_small_loss() {
        let device = Device::flex();
        let axes = Tensor::<2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
        let loss = |texts: Tensor<2>| -> f32 {
            let scale = Tensor::from_floats([20.0], &device);
            let targets = soft_targets(&[1.0, 0.0, 0.0, 1.0], 2);
            contrastive_loss(scale, axes.clone(), texts, targets).into_scalar()
        };
        assert!(loss(axes.clone()) < 1e-6);
        assert!(loss(axes.clone().flip([0])) > 10.0);
    }
}
