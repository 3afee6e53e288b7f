//! Batches: which images an epoch shows in which order, and their way onto the device.
//!
//! Everything is a function of the seed, the epoch and the position in it. There is no state that a killed run
//! could lose.

use std::sync::mpsc;

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_data::{AugmentConfig, Dataset, Factors, LabelledImage, Sample, UNKNOWN_CLASS};
use mcdrl_model::{Preprocess, Profile};
use rand::seq::SliceRandom;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Result;

/// Images in memory, at the network's input size.
pub struct LoadedSamples {
    samples: Vec<(LabelledImage, Option<Factors>)>,
    sites: Vec<Vec<usize>>,
}

/// What is known of an image as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageClass {
    /// Lesion-free.
    None,
    /// The lesion that covers most pixels, from zero.
    Class(usize),
    /// A lesion of a class that nobody named.
    Unknown,
}

/// A batch on the device.
pub struct Batch {
    /// Normalised: `[batch, 3, side, side]`.
    pub pixels: Tensor<4>,
    /// One-hot: background, the K classes, a lesion of unknown class. `[batch, K + 2, side, side]`.
    pub target: Tensor<4>,
    /// As `target` for the image as a whole: the K classes, the background, unknown. `[batch, K + 2]`.
    pub image_target: Tensor<2>,
    /// Shares of the confounders, rows sum to one, or to zero where nothing is recorded: `[batch, M]`.
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

impl LoadedSamples {
    /// Reads and scales images, in parallel.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn load(dataset: &Dataset, samples: &[Sample], size: usize) -> Result<Self> {
        let read = |sample: &Sample| -> Result<_> {
            let LabelledImage { image, mask } = dataset.load(sample)?;
            let scaled =
                LabelledImage { image: image.resize(size, size), mask: mask.resize(size, size) };
            Ok((scaled, sample.factors.clone()))
        };
        let loaded: Vec<_> = samples.par_iter().map(read).collect::<Result<_>>()?;
        let mut sites: Vec<(&str, Vec<usize>)> = Vec::new();
        for (index, sample) in samples.iter().enumerate() {
            match sites.iter_mut().find(|(name, _)| *name == sample.site) {
                Some((_, members)) => members.push(index),
                None => sites.push((&sample.site, vec![index])),
            }
        }
        let sites = sites.into_iter().map(|(_, members)| members).collect();
        Ok(Self { samples: loaded, sites })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The image at `index` with its mask and its recorded factors.
    pub fn get(&self, index: usize) -> (&LabelledImage, Option<&Factors>) {
        let (image, factors) = &self.samples[index];
        (image, factors.as_ref())
    }

    /// The order of an epoch: every site by its share, all sites mixed.
    pub fn epoch_order(&self, images: usize, balance: f64, seed: u64, epoch: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(mix(&[seed, epoch as u64]));
        let images = if images == 0 { self.len() } else { images };
        let weights: Vec<f64> =
            self.sites.iter().map(|members| (members.len() as f64).powf(balance)).collect();
        let total: f64 = weights.iter().sum();
        let mut order = Vec::with_capacity(images);
        let mut share = 0.0;
        for (members, weight) in self.sites.iter().zip(weights) {
            share += weight / total;
            let upto = (share * images as f64).round() as usize;
            while order.len() < upto {
                let mut members = members.clone();
                members.shuffle(&mut rng);
                members.truncate(upto - order.len());
                order.extend(members);
            }
        }
        order.shuffle(&mut rng);
        order
    }
}

/// The dominant lesion among the classes of pixels.
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

/// Makes the batches of one epoch on another thread and hands them to `use_batch` in order, until it fails or
/// they end.
pub fn for_each_batch<E>(
    samples: &LoadedSamples,
    order: &[usize],
    batch_size: usize,
    maker: &BatchMaker<'_>,
    device: &Device,
    mut use_batch: impl FnMut(Batch, &[usize]) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|scope| {
        // Two batches ahead: augmentation never waits for training nor fills the memory.
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

/// How samples become a batch.
pub struct BatchMaker<'a> {
    /// Classes and confounders.
    pub profile: &'a Profile,
    /// The network's input.
    pub preprocess: &'a Preprocess,
    /// Augmentation.
    pub augment: &'a AugmentConfig,
    /// Distinguishes runs and epochs.
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
                self.augment.view(&samples.samples[*index].0, self.preprocess, seed)
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
            let (_, factors) = &samples.samples[*index];
            // Of the view: a lesion may have been moved out of it.
            let place = match image_class(&classes) {
                ImageClass::Class(class) => class,
                ImageClass::None => channels - 2,
                ImageClass::Unknown => channels - 1,
            };
            batch.image_target[row * channels + place] = 1.0;
            batch.factors.extend(factor_shares(self.profile, factors.as_ref()));
        }
        batch
    }
}

/// The recorded strengths of the profile's confounders, scaled to sum to one; zeros where none is recorded.
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

/// One seed of several.
pub fn mix(parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(0, |seed, part| ChaCha8Rng::seed_from_u64(seed.rotate_left(21) ^ part).next_u64())
}
