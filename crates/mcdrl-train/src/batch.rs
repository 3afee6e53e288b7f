//! Batches of augmented views, and their upload to the device.
//!
//! A batch depends only on the seed, the epoch and its position in the epoch. So an interrupted run loses no state.

use std::sync::mpsc;

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_data::{AugmentConfig, Factors, UNKNOWN_CLASS};
use mcdrl_runtime::{Preprocess, Profile};
use rayon::prelude::*;

use crate::samples::LoadedSamples;
use crate::seed::mix;

/// The class of an image as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageClass {
    /// Lesion-free.
    None,
    /// The lesion that covers most pixels, from zero.
    Class(usize),
    /// A lesion of an unnamed class.
    Unknown,
}

/// A batch on the device.
pub struct Batch {
    /// Normalised: `[batch, 3, side, side]`.
    pub pixels: Tensor<4>,
    /// One-hot: background, the K classes, a lesion of unknown class. `[batch, K + 2, side, side]`.
    pub target: Tensor<4>,
    /// The one-hot class of the whole image, in the same order: `[batch, K + 2]`.
    pub image_target: Tensor<2>,
    /// Shares of the confounders: `[batch, M]`. Rows sum to one, or to zero for images without recorded factors.
    pub factors: Tensor<2>,
}

/// A batch on its way to the device.
struct HostBatch {
    count: usize,
    pixels: Vec<f32>,
    target: Vec<f32>,
    image_target: Vec<f32>,
    factors: Vec<f32>,
}

/// The class of the lesion that covers most pixels.
pub fn image_class(classes: &[u8]) -> ImageClass {
    let mut pixels = [0usize; 256];
    classes.iter().for_each(|class| pixels[usize::from(*class)] += 1);
    match (1..256).max_by_key(|class| (pixels[*class], 256 - class)) {
        Some(class) if pixels[class] == 0 => ImageClass::None,
        Some(class) if class == usize::from(UNKNOWN_CLASS) => ImageClass::Unknown,
        Some(class) => ImageClass::Class(class - 1),
        None => ImageClass::None,
    }
}

/// Makes the batches of one epoch on another thread and passes them to `use_batch` in order, until it fails.
pub fn for_each_batch<E>(
    samples: &LoadedSamples,
    order: &[usize],
    batch_size: usize,
    maker: &BatchMaker<'_>,
    device: &Device,
    mut use_batch: impl FnMut(Batch, &[usize]) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        // At most two batches wait, so that training does not wait for augmentation and memory does not grow.
        let (sender, receiver) = mpsc::sync_channel(2);
        scope.spawn(move || {
            for (number, indices) in order.chunks(batch_size).enumerate() {
                let batch = maker.make(samples, indices, number * batch_size);
                if sender.send((batch, indices)).is_err() {
                    break;
                }
            }
        });
        for (batch, indices) in receiver {
            use_batch(batch.upload(maker, device), indices)?;
        }
        Ok(())
    })
}

/// Makes batches of samples.
pub struct BatchMaker<'a> {
    /// Classes and confounders.
    pub profile: &'a Profile,
    /// The preprocessing of images.
    pub preprocess: &'a Preprocess,
    /// Augmentation.
    pub augment: &'a AugmentConfig,
    /// The seed of a run and an epoch.
    pub seed: u64,
}

impl BatchMaker<'_> {
    /// `first` is the position of the first index in the epoch.
    fn make(&self, samples: &LoadedSamples, indices: &[usize], first: usize) -> HostBatch {
        let views: Vec<_> = indices
            .par_iter()
            .enumerate()
            .map(|(offset, index)| {
                let seed = mix(&[self.seed, (first + offset) as u64]);
                self.augment.view(samples.get(*index).0, self.preprocess, seed)
            })
            .collect();
        let channels = self.profile.classes.len() + 2;
        let plane = self.preprocess.size * self.preprocess.size;
        let mut batch = HostBatch {
            count: indices.len(),
            pixels: Vec::with_capacity(indices.len() * 3 * plane),
            target: vec![0.0; indices.len() * channels * plane],
            image_target: vec![0.0; indices.len() * channels],
            factors: Vec::with_capacity(indices.len() * self.profile.confounders.len()),
        };
        for (row, ((pixels, classes), index)) in views.into_iter().zip(indices).enumerate() {
            batch.pixels.extend(pixels);
            for (at, class) in classes.iter().enumerate() {
                let channel =
                    if *class == UNKNOWN_CLASS { channels - 1 } else { usize::from(*class) };
                batch.target[(row * channels + channel) * plane + at] = 1.0;
            }
            let (_, factors) = samples.get(*index);
            // The class is that of the view, because a lesion may have moved out of it.
            let place = match image_class(&classes) {
                ImageClass::None => 0,
                ImageClass::Class(class) => class + 1,
                ImageClass::Unknown => channels - 1,
            };
            batch.image_target[row * channels + place] = 1.0;
            batch.factors.extend(factor_shares(self.profile, factors));
        }
        batch
    }
}

/// The recorded strengths of the profile's confounders, scaled to sum to one. All zero without recorded factors.
pub fn factor_shares(profile: &Profile, factors: Option<&Factors>) -> Vec<f32> {
    let strength = |name: &str| {
        factors.and_then(|factors| factors.confounders.get(name)).copied().unwrap_or_default()
    };
    let mut shares: Vec<f32> = profile.confounders.iter().map(|c| strength(&c.name)).collect();
    let sum: f32 = shares.iter().sum();
    if sum > 0.0 {
        shares.iter_mut().for_each(|share| *share /= sum);
    }
    shares
}

impl HostBatch {
    fn upload(self, maker: &BatchMaker<'_>, device: &Device) -> Batch {
        let side = maker.preprocess.size;
        let channels = maker.profile.classes.len() + 2;
        let tensor = |values, channels| {
            let shape = [self.count, channels, side, side];
            Tensor::<4>::from_data(TensorData::new(values, shape), device)
        };
        let rows = |values: Vec<f32>| {
            let width = values.len() / self.count;
            Tensor::<2>::from_data(TensorData::new(values, [self.count, width]), device)
        };
        Batch {
            pixels: tensor(self.pixels, 3),
            target: tensor(self.target, channels),
            image_target: rows(self.image_target),
            factors: rows(self.factors),
        }
    }
}
