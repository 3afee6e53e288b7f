//! One forward pass: images → preprocess → network → read-back → segmentations.

use burn::tensor::{TensorData, Transaction};
use mcdrl_image::Image;
use mcdrl_model::NetworkOutput;

use crate::model::Model;
use crate::postprocess::{ImageOutput, postprocess};
use crate::preprocess::Placement;
use crate::segmentation::{RegionMap, Segmentation};
use crate::{Error, Result};

impl Model {
    /// Segments images of any sizes in one forward pass.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub async fn segment(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let device = self.network.class_texts().device();
        let pixels = self.header.preprocess.batch(images, &device);
        let output = self.network.forward(pixels, &self.run);
        let read = ReadBack::from_device(output, self.header.preprocess.size).await?;
        let segmentation = |(index, image): (usize, &&Image)| {
            let (width, height) = (image.width(), image.height());
            let placement = self.header.preprocess.placement(width, height);
            postprocess(read.image(index, placement), &self.header.profile, width, height)
        };
        images.iter().enumerate().map(segmentation).collect()
    }
}

/// The output of a batch in the host's memory.
struct ReadBack {
    batch: usize,
    /// Rows and columns of the logits.
    size: [usize; 2],
    /// H and W.
    grid: [usize; 2],
    /// `[batch, K + 1, rows, columns]`
    logits: Vec<f32>,
    /// Ŝ: `[batch, H·W]`
    similarity: Vec<f32>,
    /// 1 at retained positions, else 0: `[batch, H·W]`
    retained: Vec<f32>,
    /// `None` without intervention.
    confounders: Option<Confounders>,
}

/// The weights of the confounders in the host's memory.
struct Confounders {
    /// `[batch, M]`
    weights: Vec<f32>,
    /// `[batch, M, H·W]`
    maps: Vec<f32>,
}

impl ReadBack {
    /// Reads everything in one transfer.
    async fn from_device(output: NetworkOutput, side: usize) -> Result<Self> {
        let logits = output.full_logits(side);
        let [batch, _, rows, columns] = logits.dims();
        let grid = output.regions.grid;
        let intervenes = output.intervened.is_some();
        let always = Transaction::default()
            .register(logits)
            .register(output.regions.mask())
            .register(output.regions.similarity.clone());
        let transaction = match output.intervened {
            Some(intervened) => always
                .register(intervened.image_weights)
                .register(output.regions.scatter(intervened.weights).swap_dims(1, 2)),
            None => always,
        };
        // In the order in which they were registered.
        let mut tensors = transaction.execute_async().await.map_err(failed)?.into_iter();
        let mut next = || values(tensors.next().expect("every registered tensor is read"));
        let read = Self {
            batch,
            size: [rows, columns],
            grid,
            logits: next()?,
            retained: next()?,
            similarity: next()?,
            confounders: match intervenes {
                true => Some(Confounders { weights: next()?, maps: next()? }),
                false => None,
            },
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
        let side = self.size[1]; // The logits are as large as the input.
        let cells = placement.on_grid(side, self.grid);
        let [rows, columns] = self.grid;
        let grid = |values: &[f32]| cells.cut(values, columns);
        let logits = part(&self.logits);
        let planes = logits.chunks_exact(side * side);
        let (weights, maps) = match &self.confounders {
            Some(confounders) => (part(&confounders.weights), part(&confounders.maps)),
            None => Default::default(),
        };
        ImageOutput {
            logits: planes.flat_map(|plane| placement.cut(plane, side)).collect(),
            size: [placement.height, placement.width],
            confounders: weights,
            regions: RegionMap {
                rows: cells.height,
                columns: cells.width,
                similarity: grid(&part(&self.similarity)),
                retained: grid(&part(&self.retained)).into_iter().map(|kept| kept > 0.5).collect(),
                confounders: maps.chunks_exact(rows * columns).map(grid).collect(),
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
