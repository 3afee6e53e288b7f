//! Batches of augmented views, and their upload to the device.
//!
//! A batch depends only on the seed, the epoch and its position in the epoch. So an interrupted run loses no state.

use std::sync::mpsc;

use burn::tensor::{Device, Tensor, TensorData};
use mcdrl_data::{AugmentConfig, LabelledImage, UNKNOWN_CLASS};
use mcdrl_runtime::{Preprocess, Profile};
use rayon::prelude::*;

use crate::imposition::{Imposable, ImposedScene, ImpositionConfig};
use crate::samples::LoadedSamples;
use crate::seed::mix;

/// The longer side at which training keeps images that have confounders imposed, pixels.
pub const LONGEST_SCENE: usize = 768;

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

/// A batch on the device. The rows are the images, then the twins of the first of them.
pub struct Batch {
    /// Normalised: `[rows, 3, side, side]`.
    pub pixels: Tensor<4>,
    /// One-hot: background, the K classes, a lesion of unknown class. `[rows, K + 2, side, side]`.
    pub target: Tensor<4>,
    /// The one-hot class of the whole image, in the same order: `[rows, K + 2]`.
    pub image_target: Tensor<2>,
    /// The twins. `None` if the batch has none.
    pub twins: Option<Twins>,
}

/// The confounders that were imposed on the last T rows of a batch. The first of these rows is the twin of the first image, and so
/// on.
pub struct Twins {
    /// Their number T.
    pub count: usize,
    /// One-hot: `[T, M]`.
    pub confounder: Tensor<2>,
    /// 0..1: `[T, 1]`.
    pub strength: Tensor<2>,
    /// Where the confounder acts: `[T, 1, side, side]`.
    pub map: Tensor<4>,
}

/// A batch on its way to the device.
struct HostBatch {
    rows: usize,
    pixels: Vec<f32>,
    target: Vec<f32>,
    image_target: Vec<f32>,
    twins: usize,
    confounder: Vec<f32>,
    strength: Vec<f32>,
    map: Vec<f32>,
}

/// An augmented view of an image.
struct Row {
    pixels: Vec<f32>,
    classes: Vec<u8>,
    imposed: Option<Imposed>,
}

/// The confounder that was imposed on a row.
struct Imposed {
    confounder: usize,
    strength: f32,
    map: Vec<f32>,
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
    /// Which images have a confounder imposed.
    pub imposition: &'a ImpositionConfig,
    /// The confounders that can be imposed.
    pub imposable: &'a Imposable,
    /// The seed of a run and an epoch.
    pub seed: u64,
}

impl BatchMaker<'_> {
    /// `first` is the position of the first index in the epoch.
    fn make(&self, samples: &LoadedSamples, indices: &[usize], first: usize) -> HostBatch {
        let imposed = match self.imposable.is_empty() {
            true => 0,
            false => self.imposition.count(first, indices.len()),
        };
        let views: Vec<_> = indices
            .par_iter()
            .enumerate()
            .map(|(at, index)| self.rows(samples, *index, (first + at) as u64, at < imposed))
            .collect();
        let (rows, twins): (Vec<Row>, Vec<Option<Row>>) = views.into_iter().unzip();
        let twins: Vec<Row> = twins.into_iter().flatten().collect();
        self.collect(rows, twins)
    }

    /// The views of one image: it alone, it with a confounder, or both.
    fn rows(
        &self,
        samples: &LoadedSamples,
        index: usize,
        position: u64,
        imposed: bool,
    ) -> (Row, Option<Row>) {
        let seed = |purpose: u64| mix(&[self.seed, position, purpose]);
        let other = samples.get((seed(0) % samples.len() as u64) as usize).0;
        // A dose is known only if the augmentation adds none of its own.
        let without_doses = self.augment.without_doses();
        let augment = if imposed { &without_doses } else { self.augment };
        let scene = augment.scene(samples.get(index).0, other, seed(1));
        let view = |scene, imposed| self.view(scene, imposed, seed(2));
        if !imposed {
            return (view(scene, None), None);
        }
        let ImposedScene { scene: changed, confounder, strength, map } =
            self.imposable.impose(&scene, self.imposition.weakest, seed(3));
        let twin = view(changed, Some(Imposed { confounder, strength, map }));
        if self.imposition.pairs { (view(scene, None), Some(twin)) } else { (twin, None) }
    }

    fn view(&self, scene: LabelledImage, imposed: Option<Imposed>, seed: u64) -> Row {
        let (width, height) = (scene.image.width(), scene.image.height());
        let place = self.preprocess.placement(width, height);
        let view = self.augment.view([place.width, place.height], self.preprocess, seed);
        Row {
            pixels: view.pixels(&scene.image.resize(place.width, place.height)),
            classes: view.classes(&scene.mask.resize(place.width, place.height)),
            imposed: imposed.map(|imposed| {
                let nearest = |at: usize, from: usize, to: usize| (2 * at + 1) * from / (2 * to);
                let map = (0..place.width * place.height).map(|at| {
                    let row = nearest(at / place.width, height, place.height);
                    imposed.map[row * width + nearest(at % place.width, width, place.width)]
                });
                Imposed { map: view.map(&map.collect::<Vec<_>>()), ..imposed }
            }),
        }
    }

    fn collect(&self, rows: Vec<Row>, twins: Vec<Row>) -> HostBatch {
        let channels = self.profile.classes.len() + 2;
        let confounders = self.profile.confounders.len();
        let plane = self.preprocess.size * self.preprocess.size;
        let count = rows.len() + twins.len();
        let mut batch = HostBatch {
            rows: count,
            pixels: Vec::with_capacity(count * 3 * plane),
            target: vec![0.0; count * channels * plane],
            image_target: vec![0.0; count * channels],
            twins: twins.len(),
            confounder: vec![0.0; twins.len() * confounders],
            strength: Vec::with_capacity(twins.len()),
            map: Vec::with_capacity(twins.len() * plane),
        };
        for (number, twin) in twins.iter().enumerate() {
            let imposed = twin.imposed.as_ref().expect("a twin has a confounder imposed");
            batch.confounder[number * confounders + imposed.confounder] = 1.0;
            batch.strength.push(imposed.strength);
            batch.map.extend(&imposed.map);
        }
        for (number, row) in rows.into_iter().chain(twins).enumerate() {
            batch.pixels.extend(row.pixels);
            for (at, class) in row.classes.iter().enumerate() {
                let channel =
                    if *class == UNKNOWN_CLASS { channels - 1 } else { usize::from(*class) };
                batch.target[(number * channels + channel) * plane + at] = 1.0;
            }
            // The class is that of the view, because a lesion may have moved out of it.
            let place = match image_class(&row.classes) {
                ImageClass::None => 0,
                ImageClass::Class(class) => class + 1,
                ImageClass::Unknown => channels - 1,
            };
            batch.image_target[number * channels + place] = 1.0;
        }
        batch
    }
}

impl HostBatch {
    fn upload(self, maker: &BatchMaker<'_>, device: &Device) -> Batch {
        let side = maker.preprocess.size;
        let channels = maker.profile.classes.len() + 2;
        let maps = |values, rows, channels| {
            let shape = [rows, channels, side, side];
            Tensor::<4>::from_data(TensorData::new(values, shape), device)
        };
        let table = |values: Vec<f32>, rows: usize| {
            let width = values.len() / rows;
            Tensor::<2>::from_data(TensorData::new(values, [rows, width]), device)
        };
        Batch {
            pixels: maps(self.pixels, self.rows, 3),
            target: maps(self.target, self.rows, channels),
            image_target: table(self.image_target, self.rows),
            twins: (self.twins > 0).then(|| Twins {
                count: self.twins,
                confounder: table(self.confounder, self.twins),
                strength: table(self.strength, self.twins),
                map: maps(self.map, self.twins, 1),
            }),
        }
    }
}
