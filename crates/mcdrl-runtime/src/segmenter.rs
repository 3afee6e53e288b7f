//! The main type for users: one model on one device.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, try_read_sync};
use mcdrl_image::Image;
use mcdrl_model::DoseSource;

use crate::device::DeviceKind;
use crate::device_policy::{DeviceInfo, DeviceReason, DeviceTrial, OpenOptions, choose_device};
use crate::model::{Model, ModelHeader};
use crate::postprocess::Regions;
use crate::segmentation::Segmentation;
use crate::self_check::built_in_image;
use crate::view::View;
use crate::{Error, Result};

/// Segments images with one model on one device.
#[derive(Debug)]
pub struct Segmenter {
    model: Model,
    device: DeviceInfo,
    view: View,
}

impl Segmenter {
    /// Opens a model file on the device of the user's choice. The device must reproduce the model's reference answer before it
    /// sees an image.
    ///
    /// # Errors
    /// As [`Model::from_bytes`] for the file. [`Error::Device`], [`Error::Timeout`] and [`Error::WrongAnswer`] for the
    /// device.
    pub async fn open(bytes: &[u8], options: OpenOptions<'_>) -> Result<Self> {
        let trial = ModelTrial(Arc::from(bytes));
        let (model, device) = choose_device(&trial, options).await?;
        Ok(Self { model, device, view: View::default() })
    }

    /// As [`Self::open`]; blocks the thread until the segmenter is ready.
    ///
    /// # Errors
    /// As [`Self::open`].
    #[cfg(not(target_family = "wasm"))]
    pub fn open_blocking(bytes: &[u8], options: OpenOptions<'_>) -> Result<Self> {
        futures_lite::future::block_on(Self::open(bytes, options))
    }

    /// A segmenter for a model that is already on its device, without a self-check: for models that were just trained.
    pub fn from_model(model: Model) -> Self {
        let kind = DeviceKind::of(&model.network.device());
        let device = DeviceInfo { kind, reason: DeviceReason::Requested, time: None };
        Self { model: without_gradients(model), device, view: View::default() }
    }

    /// The same model without the causal intervention, for comparisons.
    pub fn without_intervention(&self) -> Self {
        let mut same = self.with_view(self.view);
        same.model.run.intervention.enabled = false;
        same
    }

    /// The same model, with doses from another source: for comparisons.
    pub fn with_dose_source(mut self, source: DoseSource) -> Self {
        self.model.run.intervention.dose_source = source;
        self
    }

    /// The same model, with another [`ModelHeader::sure_region`].
    pub fn with_sure_region(mut self, sure_region: Option<f32>) -> Self {
        self.model.header.sure_region = sure_region;
        self
    }

    /// The same model, with another [`ModelHeader::threshold`].
    pub fn with_threshold(mut self, threshold: Option<f32>) -> Self {
        self.model.header.threshold = threshold;
        self
    }

    /// The same model, which sees other parts of images. By default it sees the picture within the frame.
    pub fn with_view(&self, view: View) -> Self {
        let Model { header, run, network } = &self.model;
        let model = Model { header: header.clone(), run: *run, network: network.clone() };
        Self { model, device: self.device.clone(), view }
    }

    /// Segments one image.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub fn segment(&self, image: &Image) -> Result<Segmentation> {
        let mut segmentations = self.segment_batch(&[image])?;
        Ok(segmentations.remove(0))
    }

    /// Segments images of any sizes in one forward pass, and their tiles in further ones.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails. On the GPU in a browser it always fails, because no thread can wait for the
    /// GPU: use [`Self::segment_batch_async`].
    pub fn segment_batch(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        let cannot_wait = || {
            let text = "a browser cannot wait for its GPU: segment asynchronously";
            Err(Error::Execution(text.into()))
        };
        try_read_sync(self.segment_batch_async(images)).unwrap_or_else(cannot_wait)
    }

    /// As [`Self::segment_batch`], without blocking the thread while a GPU works.
    ///
    /// # Errors
    /// [`Error::Execution`] if the device fails.
    pub async fn segment_batch_async(&self, images: &[&Image]) -> Result<Vec<Segmentation>> {
        self.model.segment(images, Regions::Judged, self.view).await
    }

    /// The names of the mask values: the background (0) first.
    pub fn labels(&self) -> Vec<String> {
        self.header().profile.labels()
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The header of the model file.
    pub fn header(&self) -> &ModelHeader {
        &self.model.header
    }

    /// The device that computes, and the reason for its choice.
    pub fn device(&self) -> &DeviceInfo {
        &self.device
    }
}

/// Tries a device with the model itself: it segments the built-in image and must give the reference answer.
#[derive(Clone)]
struct ModelTrial(Arc<[u8]>);

impl DeviceTrial for ModelTrial {
    type Ready = Model;

    fn prepare(&self, device: &Device) -> Result<Model> {
        Ok(without_gradients(Model::from_bytes(&self.0, device)?))
    }

    async fn check(model: &Model) -> Result<()> {
        let image = built_in_image();
        let segmentations = model.segment(&[&image], Regions::Raw, View::FRAME).await?;
        match &model.header.check {
            Some(check) => check.verify(&segmentations[0]),
            None => Ok(()),
        }
    }
}

fn without_gradients(model: Model) -> Model {
    Model { network: model.network.valid(), ..model }
}
