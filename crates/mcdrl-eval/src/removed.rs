//! How much of a confounder the removal takes out of the features.

use burn::tensor::{DType, Tensor};
use mcdrl_data::LabelledImage;
use mcdrl_image::Image;
use mcdrl_model::CausalIntervention;
use mcdrl_runtime::Model;

/// A channel that varies less than this says nothing.
const LEAST_VARIANCE: f64 = 1e-8;

/// The features of unchanged images: F and D(F).
pub struct CleanFeatures<'a> {
    model: &'a Model,
    batches: Vec<Features>,
}

/// The levels of a batch of images, before and after the removal.
struct Features {
    before: Vec<Tensor<4>>,
    after: Vec<Tensor<4>>,
}

/// Compares the features of unchanged images with those of the same scenes under a confounder.
#[derive(Default)]
pub struct Removed {
    before: Vec<Channels>,
    after: Vec<Channels>,
}

/// Sums over images, for every channel of a level.
#[derive(Clone, Default)]
struct Channels {
    images: f64,
    /// Of the clean features: their means, and their mean squares.
    means: Vec<f64>,
    squares: Vec<f64>,
    /// Of the features under the confounder.
    changed_means: Vec<f64>,
    changed_squares: Vec<f64>,
    /// The means of the products of a pair.
    products: Vec<f64>,
}

/// Second moments of a channel.
struct Moments {
    /// Of the clean features.
    variance: f64,
    /// Of the features under the confounder.
    changed_variance: f64,
    covariance: f64,
    /// The mean square of the difference of a pair.
    apart: f64,
}

impl<'a> CleanFeatures<'a> {
    /// `None` for a model without removal.
    pub fn of(model: &'a Model) -> Option<Self> {
        let removes = matches!(model.network.intervention, CausalIntervention::Removal(_))
            && model.run.intervention.enabled;
        removes.then(|| Self { model, batches: Vec::new() })
    }

    /// Adds a batch of unchanged images.
    pub fn add(&mut self, images: &[LabelledImage]) {
        self.batches.push(self.features(images));
    }

    /// Compares a batch with the same images under a confounder.
    pub fn compare(&self, batch: usize, changed: &[LabelledImage], removed: &mut Removed) {
        let (clean, changed) = (&self.batches[batch], self.features(changed));
        add(&mut removed.before, &clean.before, changed.before);
        add(&mut removed.after, &clean.after, changed.after);
    }

    fn features(&self, of: &[LabelledImage]) -> Features {
        let Model { network, header, run } = self.model;
        let images: Vec<&Image> = of.iter().map(|labelled| &labelled.image).collect();
        let pixels = header.preprocess.batch(&images, &network.device());
        let output = network.forward(pixels, run);
        Features { before: output.levels, after: output.corrected }
    }
}

/// Adds the pairs of every level.
fn add(sums: &mut Vec<Channels>, clean: &[Tensor<4>], changed: Vec<Tensor<4>>) {
    sums.resize_with(clean.len(), Channels::default);
    let pairs = clean.iter().cloned().zip(changed);
    sums.iter_mut().zip(pairs).for_each(|(sums, (clean, changed))| sums.add(clean, changed));
}

impl Removed {
    /// 1 − ‖D(F(x_z)) − D(F(x))‖² / ‖F(x_z) − F(x)‖², each channel in its own variance over the clean images; a mean over the
    /// levels. 1 if nothing of the confounder is left, 0 if the removal changes nothing. `None` without pairs that differ.
    pub fn share(&self) -> Option<f64> {
        let levels = self.before.iter().zip(&self.after);
        one_less_mean(levels.map(|(before, after)| (after.distance(), before.distance())))
    }

    /// The same for the best affine map of each channel, F(x_z) ↦ a F(x_z) + b. D is such a map where a confounder has the same
    /// dose everywhere.
    pub fn limit(&self) -> Option<f64> {
        one_less_mean(self.before.iter().map(|level| (level.unexplained(), level.distance())))
    }
}

/// The mean of 1 − part / whole.
fn one_less_mean(levels: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let levels = levels.filter(|(_, whole)| *whole > 0.0);
    let shares: Vec<f64> = levels.map(|(part, whole)| 1.0 - part / whole).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

impl Channels {
    /// - `clean`, `changed`: `[images, channels, _, _]`
    fn add(&mut self, clean: Tensor<4>, changed: Tensor<4>) {
        let images = clean.dims()[0] as f64;
        for (sums, values) in [
            (&mut self.products, clean.clone() * changed.clone()),
            (&mut self.squares, clean.clone().square()),
            (&mut self.means, clean),
            (&mut self.changed_squares, changed.clone().square()),
            (&mut self.changed_means, changed),
        ] {
            let values = channel_means(values);
            sums.resize(values.len(), 0.0);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += images * value);
        }
        self.images += images;
    }

    /// Of the channels that vary.
    fn moments(&self) -> impl Iterator<Item = Moments> {
        let all = (0..self.means.len()).map(|channel| {
            let of = |sums: &[f64]| sums[channel] / self.images;
            let (mean, changed_mean) = (of(&self.means), of(&self.changed_means));
            let (square, changed_square) = (of(&self.squares), of(&self.changed_squares));
            let product = of(&self.products);
            Moments {
                variance: square - mean * mean,
                changed_variance: changed_square - changed_mean * changed_mean,
                covariance: product - mean * changed_mean,
                apart: square + changed_square - 2.0 * product,
            }
        });
        all.filter(|moments| moments.variance > LEAST_VARIANCE)
    }

    /// The mean square distance of the pairs, in variances: a sum over the channels.
    fn distance(&self) -> f64 {
        self.moments().map(|of| of.apart / of.variance).sum()
    }

    /// What the best affine map of each channel leaves of it.
    fn unexplained(&self) -> f64 {
        let left = self.moments().map(|of| match of.changed_variance > LEAST_VARIANCE {
            true => 1.0 - of.covariance * of.covariance / of.changed_variance / of.variance,
            false => 1.0,
        });
        left.sum()
    }
}

/// The mean of every channel over images and positions.
fn channel_means(level: Tensor<4>) -> Vec<f64> {
    let means = level.mean_dim(0).mean_dim(2).mean_dim(3);
    let means: Vec<f32> =
        means.into_data_dtype(DType::F32).try_to_vec().expect("converted to f32 just now");
    means.into_iter().map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn level(values: [f32; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2]), &Device::flex())
    }

    fn channels(clean: [f32; 4], changed: [f32; 4]) -> Channels {
        let mut channels = Channels::default();
        channels.add(level(clean), level(changed));
        channels
    }

    #[test]
    fn distances_are_counted_in_variances() {
        // The variance is 1, and every position is 0.5 away.
        let found = channels([1.0, 3.0, 1.0, 3.0], [1.5, 3.5, 1.5, 3.5]).distance();
        assert!((found - 0.25).abs() < 1e-6, "{found}");
        // Larger features are not farther away.
        let larger = channels([10.0, 30.0, 10.0, 30.0], [15.0, 35.0, 15.0, 35.0]).distance();
        assert!((larger - found).abs() < 1e-6, "{larger}");
        // A channel that never changes does not count.
        assert_eq!(channels([2.0; 4], [3.0; 4]).distance(), 0.0);
    }

    #[test]
    fn an_affine_map_explains_affine_changes_alone() {
        let affine = channels([1.0, 3.0, 2.0, 5.0], [2.5, 6.5, 4.5, 10.5]);
        assert!(affine.unexplained() < 1e-6, "{}", affine.unexplained());
        let unrelated = channels([1.0, 3.0, 1.0, 3.0], [2.0, 2.0, 4.0, 4.0]);
        assert!((unrelated.unexplained() - 1.0).abs() < 1e-6);
    }
}
