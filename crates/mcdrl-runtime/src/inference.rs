//! One forward pass: images → preprocess → network → read-back → segmentations.

use burn::tensor::activation::sigmoid;
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{TensorData, Transaction};
use mcdrl_image::Image;
use mcdrl_model::NetworkOutput;

use crate::model::Model;
use crate::postprocess::{ImageOutput, Regions, postprocess};
use crate::preprocess::Placement;
use crate::segmentation::{RegionMap, Segmentation};
use crate::{Error, Result};

impl Model {
    /// Segments images of any sizes in one forward pass.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub async fn segment(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        self.segment_with(images, Regions::Judged).await
    }

    /// As [`Self::segment`], with regions as the network predicts them, or judged.
    pub(crate) async fn segment_with(
        &self,
        images: &[&Image],
        regions: Regions,
    ) -> Result<Vec<Segmentation>> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let device = self.network.device();
        let pixels = self.header.preprocess.batch(images, &device);
        let output = self.network.forward(pixels, &self.run);
        let read = ReadBack::from_device(output, self.header.preprocess.size).await?;
        let segmentation = |(index, image): (usize, &&Image)| {
            let placement = self.header.preprocess.placement(image.width(), image.height());
            postprocess(read.image(index, placement), &self.header, regions, image)
        };
        images.iter().enumerate().map(segmentation).collect()
    }
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
        let cells = placement.on_grid(self.side, self.grid);
        let one = |values: &[f32]| cut(&part(values), self.grid).concat();
        ImageOutput {
            logits: cut(&part(&self.logits), [self.side; 2]).concat(),
            size: [placement.height, placement.width],
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
