//! How unlike the training images an image is.
//!
//! The encoder's features of the training images, averaged over positions, form a cloud. An image far outside it, in the
//! Mahalanobis distance (Lee et al. 2018), shows something else: another kind of imaging, a text, noise.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::fixed::fixed;

/// The cloud of the training images' features, and the distance at which an image is unfamiliar.
#[derive(Module, Debug)]
pub struct Familiarity {
    /// The centre: `[width]`.
    mean: Param<Tensor<1>>,
    /// Σ^(-1/2): `[width, width]`.
    whitening: Param<Tensor<2>>,
    /// The mean square of a whitened component at which an image is as familiar as not, and the steepness around it, on a
    /// logarithmic scale: `[2]`.
    limit: Param<Tensor<1>>,
}

impl Familiarity {
    /// Everything is familiar: for a network that is not calibrated yet.
    ///
    /// - `channels`: of the maps
    pub fn everything(channels: &[usize], device: &Device) -> Self {
        let width: usize = channels.iter().sum();
        Self {
            mean: fixed(Tensor::zeros([width], device)),
            whitening: fixed(Tensor::zeros([width, width], device)),
            limit: fixed(Tensor::from_floats([1.0, 1.0], device)),
        }
    }

    /// A cloud and its limit.
    ///
    /// - `mean`: `[width]`, `whitening`: `[width, width]`
    /// - `limit`: the mean square at which an image is as familiar as not, and the steepness, both positive
    pub fn new(mean: Tensor<1>, whitening: Tensor<2>, limit: [f32; 2]) -> Self {
        let limit = Tensor::from_floats(limit, &mean.device());
        Self { mean: fixed(mean), whitening: fixed(whitening), limit: fixed(limit) }
    }

    /// The features that form the cloud: the mean of each channel over the positions, `[batch, width]`.
    ///
    /// - `maps`: each `[batch, channels, _, _]`
    pub fn features(maps: &[Tensor<4>]) -> Tensor<2> {
        let means =
            maps.iter().map(|map| map.clone().flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2));
        Tensor::cat(means.collect(), 1)
    }

    /// The mean square of the whitened components, 1 in the mean over the training images: `[batch]`.
    ///
    /// - `features`: `[batch, width]`
    pub fn distance(&self, features: Tensor<2>) -> Tensor<1> {
        let centred = features - self.mean.val().unsqueeze();
        centred.matmul(self.whitening.val()).square().mean_dim(1).squeeze_dim(1)
    }

    /// The logit of being unfamiliar: `[batch]`.
    ///
    /// - `features`: `[batch, width]`
    pub fn forward(&self, features: Tensor<2>) -> Tensor<1> {
        let limit = self.limit.val();
        let (at, steepness) = (limit.clone().narrow(0, 0, 1), limit.narrow(0, 1, 1));
        ((self.distance(features) + 1e-6).log() - at.log()) * steepness
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn what_lies_outside_the_cloud_is_unfamiliar() {
        let device = Device::flex();
        let mean = Tensor::from_floats([1.0, 2.0], &device);
        // The first feature varies by 0.5, the second by 2.
        let whitening = TensorData::new(vec![2.0f32, 0.0, 0.0, 0.5], [2, 2]);
        let cloud = Familiarity::new(mean, Tensor::from_data(whitening, &device), [4.0, 2.0]);
        let of = |features: [f32; 2]| {
            let features =
                Tensor::<2>::from_data(TensorData::new(features.to_vec(), [1, 2]), &device);
            cloud.forward(features).into_scalar::<f32>()
        };
        assert!(of([1.0, 2.0]) < -5.0 && of([1.5, 4.0]) < -1.0);
        assert!(of([1.0 + 0.5 * 8f32.sqrt(), 2.0]).abs() < 1e-4);
        assert!(of([4.0, 2.0]) > 2.0 && of([1.0, 14.0]) > 2.0);
        // The same step in the feature that varies more is more familiar.
        assert!(of([1.0, 4.0]) < of([3.0, 2.0]));
    }
}
