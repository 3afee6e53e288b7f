//! One forward pass: images → preprocess → network → read-back → segmentations.

use std::borrow::Cow;

use burn::tensor::activation::sigmoid;
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{TensorData, Transaction};
use mcdrl_image::{Bounds, Image};
use mcdrl_model::NetworkOutput;

use crate::grid_map::GridMap;
use crate::model::Model;
use crate::postprocess::{ImageOutput, Regions, postprocess};
use crate::preprocess::Placement;
use crate::segmentation::{RegionMap, Segmentation};
use crate::tile_blend::{TileMap, blend};
use crate::view::View;
use crate::{Error, Result};

/// Tiles that go through the network together.
const TILE_BATCH: usize = 8;

impl Model {
    /// Segments images of any sizes in one forward pass, and their tiles in further ones.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub(crate) async fn segment(
        &self,
        images: &[&Image],
        regions: Regions,
        view: View,
    ) -> Result<Vec<Segmentation>> {
        let areas: Vec<Bounds> = images.iter().map(|image| view.area.of(image)).collect();
        let pictures: Vec<_> =
            images.iter().zip(&areas).map(|(image, area)| part(image, *area)).collect();
        let outputs = self.look(&pictures).await?;
        let mut segmentations = Vec::with_capacity(images.len());
        for ((image, area), mut output) in images.iter().zip(areas).zip(outputs) {
            if let Some(tiles) = view.tiles {
                let tiles = tiles.of(area, self.header.preprocess.size);
                let tiles = self.look_closely(image, &tiles).await?;
                output.probabilities = blend(&output.probabilities, area, &tiles);
            }
            segmentations.push(postprocess(output, &self.header, regions, image, area)?);
        }
        Ok(segmentations)
    }

    /// What the network says of pictures.
    async fn look(&self, pictures: &[Cow<'_, Image>]) -> Result<Vec<ImageOutput>> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        let preprocess = &self.header.preprocess;
        let pixels = preprocess.batch(pictures, &self.network.device());
        let output = self.network.forward(pixels, &self.run);
        let read = ReadBack::from_device(output, preprocess.size).await?;
        let placement = |picture: &Image| preprocess.placement(picture.width(), picture.height());
        let outputs = pictures.iter().map(|picture| placement(picture)).enumerate();
        Ok(outputs.map(|(index, placement)| read.image(index, placement)).collect())
    }

    /// The probabilities of an image's tiles.
    async fn look_closely(&self, image: &Image, tiles: &[Bounds]) -> Result<Vec<TileMap>> {
        let mut maps = Vec::with_capacity(tiles.len());
        for tiles in tiles.chunks(TILE_BATCH) {
            let pictures: Vec<_> = tiles.iter().map(|tile| part(image, *tile)).collect();
            let outputs = self.look(&pictures).await?;
            let map = |(tile, output): (&Bounds, ImageOutput)| TileMap {
                tile: *tile,
                probabilities: output.probabilities,
            };
            maps.extend(tiles.iter().zip(outputs).map(map));
        }
        Ok(maps)
    }
}

/// A part of an image, without a copy if it is the whole image.
fn part(image: &Image, part: Bounds) -> Cow<'_, Image> {
    let is_whole =
        [part.width, part.height].map(|side| side as usize) == [image.width(), image.height()];
    if is_whole { Cow::Borrowed(image) } else { Cow::Owned(image.crop(part)) }
}

/// The output of a batch in the host's memory.
struct ReadBack {
    batch: usize,
    /// Side of the logits, which are as large as the input.
    side: usize,
    /// H and W.
    grid: [usize; 2],
    /// Rows and columns of the places.
    place_size: [usize; 2],
    /// `[batch, K + 1, side, side]`
    logits: Vec<f32>,
    /// 1 at retained positions, else 0: `[batch, H·W]`
    retained: Vec<f32>,
    /// Ŝ: `[batch, H·W]`
    similarity: Vec<f32>,
    /// Whether confounders are visible: `[batch, M]`
    presence: Vec<f32>,
    /// `[batch]`
    unfamiliar: Vec<f32>,
    /// Where confounders are visible: `[batch, M, rows, columns]`
    places: Vec<f32>,
    /// The doses of positions, their means on the grid: `[batch, M, H·W]`
    dose_means: Vec<f32>,
    /// The shares of the correction: `[batch, M]`. Empty without intervention.
    weights: Vec<f32>,
}

impl ReadBack {
    /// Reads everything in one transfer.
    async fn from_device(output: NetworkOutput, side: usize) -> Result<Self> {
        let logits = output.full_logits(side);
        let grid = output.regions.grid;
        let doses = output.doses.maps();
        let places = sigmoid(output.doses.local.clone());
        let [batch, _, rows, columns] = doses.dims();
        let always = Transaction::default()
            .register(logits)
            .register(output.regions.mask())
            .register(output.regions.similarity.clone())
            .register(sigmoid(output.doses.presence))
            .register(sigmoid(output.unfamiliar))
            .register(adaptive_avg_pool2d(doses, grid))
            .register(places);
        let intervenes = output.weights.is_some();
        let transaction = match output.weights {
            Some(weights) => always.register(weights),
            None => always,
        };
        // In the order in which they were registered.
        let mut tensors = transaction.execute_async().await.map_err(failed)?.into_iter();
        let mut next = || values(tensors.next().expect("every registered tensor is read"));
        let read = Self {
            batch,
            side,
            grid,
            place_size: [rows, columns],
            logits: next()?,
            retained: next()?,
            similarity: next()?,
            presence: next()?,
            unfamiliar: next()?,
            dose_means: next()?,
            places: next()?,
            weights: if intervenes { next()? } else { Vec::new() },
        };
        if !read.logits.iter().all(|logit| logit.is_finite()) {
            let problem = "the network's output has values that are no numbers (NaN or infinite); on a GPU, try the CPU";
            return Err(Error::Execution(problem.into()));
        }
        Ok(read)
    }

    /// The part of one image, without the rest of its square.
    fn image(&self, index: usize, placement: Placement) -> ImageOutput {
        let part = |values: &[f32]| {
            let length = values.len() / self.batch;
            values[index * length..][..length].to_vec()
        };
        let cut = |values: &[f32], [rows, columns]: [usize; 2]| -> Vec<Vec<f32>> {
            let cells = placement.on_grid(self.side, [rows, columns]);
            let planes = values.chunks_exact(rows * columns);
            planes.map(|plane| cells.cut(plane, columns)).collect()
        };
        let logits = cut(&part(&self.logits), [self.side; 2]);
        let (channels, logits) = (logits.len(), logits.concat());
        let cells = placement.on_grid(self.side, self.grid);
        let one = |values: &[f32]| cut(&part(values), self.grid).concat();
        ImageOutput {
            probabilities: GridMap::softmax(logits, channels, placement.height, placement.width),
            presence: part(&self.presence),
            unfamiliar: self.unfamiliar[index],
            places: cut(&part(&self.places), self.place_size),
            weights: part(&self.weights),
            regions: RegionMap {
                rows: cells.height,
                columns: cells.width,
                similarity: one(&self.similarity),
                retained: one(&self.retained).into_iter().map(|kept| kept > 0.5).collect(),
                confounders: cut(&part(&self.dose_means), self.grid),
            },
        }
    }
}

fn values(data: TensorData) -> Result<Vec<f32>> {
    data.convert::<f32>().try_to_vec().map_err(failed)
}

fn failed(error: impl std::fmt::Debug) -> Error {
    Error::Execution(format!("{error:?}"))
}
