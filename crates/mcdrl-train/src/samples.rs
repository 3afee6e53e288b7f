//! Images in memory, and their order in an epoch.

use mcdrl_data::{Dataset, Factors, LabelledImage, Sample};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Result;
use crate::seed::mix;

/// Images in memory.
pub struct LoadedSamples {
    samples: Vec<(LabelledImage, Option<Factors>)>,
    sites: Vec<Vec<usize>>,
}

impl LoadedSamples {
    /// Reads images in parallel. Those whose longer side has more than `longest` pixels are shrunk to it.
    ///
    /// # Errors
    /// The first file that cannot be read.
    pub fn load(dataset: &Dataset, samples: &[Sample], longest: usize) -> Result<Self> {
        let read = |sample: &Sample| -> Result<_> {
            let LabelledImage { image, mask } = dataset.load(sample)?;
            let longer = image.width().max(image.height());
            let fitted = |side: usize| ((side * longest + longer / 2) / longer).max(1);
            let labelled = if longer <= longest {
                LabelledImage { image, mask }
            } else {
                let (width, height) = (fitted(image.width()), fitted(image.height()));
                LabelledImage {
                    image: image.resize(width, height),
                    mask: mask.resize(width, height),
                }
            };
            Ok((labelled, sample.factors.clone()))
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

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The image at `index` with its mask and its recorded factors.
    pub fn get(&self, index: usize) -> (&LabelledImage, Option<&Factors>) {
        let (image, factors) = &self.samples[index];
        (image, factors.as_ref())
    }

    /// The order of an epoch. Each site has its share (see [`crate::DataConfig::site_balance`]). All sites are mixed.
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
