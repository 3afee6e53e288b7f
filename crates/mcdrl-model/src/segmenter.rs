//! The way of one image: `Image` → preprocess → network → `Segmentation`.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};

use crate::model_file::{Model, ModelHeader};
use crate::network::McdrlOutput;
use crate::segmentation::{RawOutput, RegionMap, Segmentation};
use crate::{Error, Image, Result};

/// Segments images with one model on one device.
#[derive(Debug)]
pub struct Segmenter {
    model: Model,
    device: Device,
}

impl Segmenter {
    /// Opens a model file.
    ///
    /// # Errors
    /// As [`Model::from_bytes`].
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        Ok(Self::new(Model::from_bytes(bytes, device)?, device))
    }

    /// Uses a model that is already on `device`.
    pub fn new(model: Model, device: &Device) -> Self {
        let network = model.network.valid();
        Self { model: Model { header: model.header, network }, device: device.clone().inner() }
    }

    /// What the model file says.
    pub fn header(&self) -> &ModelHeader {
        &self.model.header
    }

    /// The names of mask values 1, 2, ….
    pub fn labels(&self) -> &[String] {
        &self.model.header.profile.classes
    }

    /// Where the model runs: `cpu` or `gpu`.
    pub fn device_name(&self) -> &'static str {
        crate::device::device_name(&self.device)
    }

    /// Segments one image.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub fn segment(&self, image: &Image) -> Result<Segmentation> {
        let mut segmentations = self.segment_batch(&[image])?;
        Ok(segmentations.remove(0))
    }

    /// Segments images of any sizes in one forward pass.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub fn segment_batch(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels = self.model.header.preprocess.batch(images, &self.device);
        let output = self.model.network.forward(pixels);
        let outputs = read_back(output, self.model.header.architecture.input_size)?;
        outputs
            .into_iter()
            .zip(images)
            .map(|(output, image)| {
                let profile = &self.model.header.profile;
                Segmentation::from_output(output, profile, image.width(), image.height())
            })
            .collect()
    }
}

fn read_back(output: McdrlOutput, side: usize) -> Result<Vec<RawOutput>> {
    let logits = output.full_logits(side);
    let [batch, channels, rows, columns] = logits.dims();
    let [grid_rows, grid_columns] = output.grid;
    let logits = read(logits)?;
    if !logits.iter().all(|logit| logit.is_finite()) {
        let problem = "the network gave values that are no numbers; on a GPU, try the CPU";
        return Err(Error::Execution(problem.into()));
    }
    let similarity = read(output.similarity)?;
    let retained = match output.regions {
        Some(regions) => read(regions.mask)?,
        None => vec![1.0; batch * grid_rows * grid_columns],
    };
    let confounders = output.confounders.map(read).transpose()?.unwrap_or_default();
    let part = |values: &[f32], index: usize| {
        let length = values.len() / batch;
        values[index * length..][..length].to_vec()
    };
    debug_assert_eq!(logits.len(), batch * channels * rows * columns);
    let outputs = (0..batch).map(|index| RawOutput {
        logits: part(&logits, index),
        rows,
        columns,
        confounders: part(&confounders, index),
        regions: RegionMap {
            rows: grid_rows,
            columns: grid_columns,
            similarity: part(&similarity, index),
            retained: part(&retained, index).into_iter().map(|kept| kept > 0.5).collect(),
        },
    });
    Ok(outputs.collect())
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.try_into_data_dtype(DType::F32).map_err(failed)?;
    data.try_to_vec().map_err(failed)
}

fn failed(error: impl std::fmt::Debug) -> Error {
    Error::Execution(format!("{error:?}"))
}
