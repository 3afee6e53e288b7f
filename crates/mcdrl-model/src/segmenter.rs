//! The way of one image: `Image` → preprocess → network → `Segmentation`.

use burn::module::Module;
use burn::tensor::{Device, TensorData, Transaction, try_read_sync};

use crate::model_file::{Model, ModelHeader};
use crate::network::McdrlOutput;
use crate::segmentation::{RawOutput, RegionMap, Segmentation};
use crate::self_check::built_in_image;
use crate::{Error, Image, Result};

/// Segments images with one model on one device.
#[derive(Debug)]
pub struct Segmenter {
    model: Model,
    device: Device,
}

impl Segmenter {
    /// Reads a model file onto a device.
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
    /// [`Error::Execution`] if the device fails, and in a browser on the GPU, which nothing can wait for there: use
    /// [`Self::segment_batch_async`].
    pub fn segment_batch(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        try_read_sync(self.segment_batch_async(images)).unwrap_or_else(|| Err(answers_later()))
    }

    /// As [`Self::segment_batch`], without blocking the thread while a GPU works.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub async fn segment_batch_async(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let pixels = self.model.header.preprocess.batch(images, &self.device);
        let output = self.model.network.forward(pixels);
        let outputs = read_back(output, self.model.header.architecture.input_size).await?;
        outputs
            .into_iter()
            .zip(images)
            .map(|(output, image)| {
                let profile = &self.model.header.profile;
                Segmentation::from_output(output, profile, image.width(), image.height())
            })
            .collect()
    }

    /// Segments the built-in image and holds the answer to the one in the model file (files of before have none): a
    /// test of the device, and of a GPU a warm-up too.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] if the device computes something else, [`Error::Execution`] if it fails.
    pub async fn self_check(&self) -> Result<()> {
        let image = built_in_image();
        let segmentation = self.segment_batch_async(&[&image]).await?.remove(0);
        match &self.model.header.check {
            Some(check) => check.verify(&segmentation),
            None => Ok(()),
        }
    }
}

/// All that is wanted of an output, in one transfer from the device.
async fn read_back(output: McdrlOutput, side: usize) -> Result<Vec<RawOutput>> {
    let logits = output.full_logits(side);
    let [batch, _, rows, columns] = logits.dims();
    let [grid_rows, grid_columns] = output.grid;
    let mut transaction = Transaction::default().register(logits).register(output.similarity);
    let selects = output.regions.is_some();
    if let Some(regions) = output.regions {
        transaction = transaction.register(regions.mask());
    }
    if let (Some(weights), Some(maps)) = (output.confounders, output.confounder_maps) {
        transaction = transaction.register(weights).register(maps.swap_dims(1, 2));
    }
    let mut tensors = transaction.execute_async().await.map_err(failed)?.into_iter().map(values);
    let mut next = || tensors.next().unwrap_or_else(|| Ok(Vec::new()));
    let logits = next()?;
    if !logits.iter().all(|logit| logit.is_finite()) {
        let problem = "the network gave values that are no numbers; on a GPU, try the CPU";
        return Err(Error::Execution(problem.into()));
    }
    let similarity = next()?;
    let retained = if selects { next()? } else { vec![1.0; batch * grid_rows * grid_columns] };
    let (confounders, confounder_maps) = (next()?, next()?);
    let part = |values: &[f32], index: usize| {
        let length = values.len() / batch;
        values[index * length..][..length].to_vec()
    };
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
            confounders: part(&confounder_maps, index)
                .chunks_exact(grid_rows * grid_columns)
                .map(<[f32]>::to_vec)
                .collect(),
        },
    });
    Ok(outputs.collect())
}

fn values(data: TensorData) -> Result<Vec<f32>> {
    data.convert::<f32>().try_to_vec().map_err(failed)
}

pub(crate) fn answers_later() -> Error {
    Error::Execution("this device answers later: segment asynchronously".into())
}

fn failed(error: impl std::fmt::Debug) -> Error {
    Error::Execution(format!("{error:?}"))
}
