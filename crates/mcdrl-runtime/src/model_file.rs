//! The model file: one safetensors file that describes itself.
//!
//! Its `__metadata__` has the key `mcdrl`: JSON with the fields of [`ModelHeader`] and, under `run`, those of [`RunConfig`].

use burn::tensor::{Device, try_read_sync};
use mcdrl_model::RunConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::{FORMAT_VERSION, Model, ModelHeader};
use crate::postprocess::Regions;
use crate::self_check::{SelfCheck, built_in_image};
use crate::view::View;
use crate::weights::{Precision, Weights, hex};
use crate::{Error, Result};

const HEADER_KEY: &str = "mcdrl";

/// The largest side of the network's input, pixels.
const LARGEST_INPUT: usize = 4096;

/// The JSON in the file.
#[derive(Serialize, Deserialize)]
struct StoredHeader {
    #[serde(flatten)]
    header: ModelHeader,
    run: RunConfig,
}

impl Model {
    /// Reads a model file onto a device.
    ///
    /// # Errors
    /// [`Error::Safetensors`] or [`Error::OtherFile`] for a file that is cut off or not safetensors. [`Error::NotAModel`], [`Error::ModelVersion`],
    /// [`Error::ModelHeader`] or [`Error::ModelDigest`]. [`Error::MissingTensor`], [`Error::TensorShape`] or
    /// [`Error::NotFinite`] for a tensor.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let file = Weights::from_safetensors(bytes)?;
        let StoredHeader { header, run } = read_header(&file)?;
        let precision = precision(&header)?;
        let found = file.sha256(precision);
        if found != header.sha256 {
            return Err(Error::ModelDigest { expected: header.sha256, found });
        }
        let (classes, confounders) =
            (header.profile.classes.len(), header.profile.confounders.len());
        let network = header.architecture.init(classes, confounders, device);
        Ok(Self { network: file.load_into(network)?, run, header })
    }

    /// Reads only the header of a model file.
    ///
    /// # Errors
    /// As [`Model::from_bytes`], without the errors about tensors.
    pub fn read_header(bytes: &[u8]) -> Result<ModelHeader> {
        Ok(read_header(&Weights::from_safetensors(bytes)?)?.header)
    }

    /// The header with the run-time settings, as in the file.
    pub fn to_json(&self) -> Value {
        let stored = StoredHeader { header: self.header.clone(), run: self.run };
        serde_json::to_value(stored).expect("a header is plain data")
    }

    /// The model as a file, with its answer to the built-in image. Equal models give equal bytes.
    pub fn to_bytes(&self, precision: Precision) -> Vec<u8> {
        let mut weights = Weights::of_module(&self.network);
        let header = ModelHeader {
            version: FORMAT_VERSION,
            bytes_per_value: if precision == Precision::Half { 2 } else { 4 },
            sha256: weights.sha256(precision),
            header_sha256: String::new(),
            check: self.reference_answer(&weights.to_safetensors(precision)),
            ..self.header.clone()
        };
        let mut stored = StoredHeader { header, run: self.run };
        let text =
            |stored: &StoredHeader| serde_json::to_string(stored).expect("a header is plain data");
        stored.header.header_sha256 = hex(&Sha256::digest(text(&stored)));
        weights.set_metadata(HEADER_KEY, text(&stored));
        weights.to_safetensors(precision)
    }

    /// The answer of the tensors as they are stored, so that a file that is read and written again stays the same. `None` if
    /// the network gives no answer, for example because it diverged.
    fn reference_answer(&self, stored: &[u8]) -> Option<SelfCheck> {
        let ModelHeader { architecture, profile, .. } = &self.header;
        let device = self.network.device();
        let (classes, confounders) = (profile.classes.len(), profile.confounders.len());
        let network = architecture.init(classes, confounders, &device);
        let network = Weights::from_safetensors(stored).ok()?.load_into(network).ok()?;
        let model = Self { header: self.header.clone(), run: self.run, network };
        let image = built_in_image();
        let segmentations =
            try_read_sync(model.segment(&[&image], Regions::Raw, View::FRAME))?.ok()?;
        Some(SelfCheck::of(&segmentations[0]))
    }
}

/// The header of a file.
fn read_header(file: &Weights) -> Result<StoredHeader> {
    let text = file.metadata(HEADER_KEY).ok_or(Error::NotAModel)?;
    let damaged = |e: serde_json::Error| Error::ModelHeader(e.to_string());
    // The version is read first, because the header of another version may have other fields.
    let json: Value = serde_json::from_str(text).map_err(damaged)?;
    let version = json["version"]
        .as_u64()
        .ok_or_else(|| Error::ModelHeader("it has no number under `version`".into()))?;
    let version = u32::try_from(version).unwrap_or(u32::MAX);
    if version != FORMAT_VERSION {
        return Err(Error::ModelVersion { found: version, supported: FORMAT_VERSION });
    }
    let stored: StoredHeader = serde_json::from_value(json).map_err(damaged)?;
    let expected = &stored.header.header_sha256;
    let found = hex(&Sha256::digest(text.replacen(expected, "", 1)));
    if found != *expected {
        let text = format!(
            "its SHA-256 is {found} but the file says {expected}; download or copy the file again"
        );
        return Err(Error::ModelHeader(text));
    }
    let faults = faults(&stored);
    if faults.is_empty() { Ok(stored) } else { Err(Error::ModelHeader(faults.join("; "))) }
}

fn precision(header: &ModelHeader) -> Result<Precision> {
    match header.bytes_per_value {
        4 => Ok(Precision::Full),
        2 => Ok(Precision::Half),
        other => Err(Error::ModelHeader(format!("`bytes_per_value` is {other}, not 4 or 2"))),
    }
}

/// The faults of a header, one sentence each. Empty if it is valid.
fn faults(StoredHeader { header, run }: &StoredHeader) -> Vec<String> {
    let mut faults = [
        header.architecture.faults(),
        header.profile.faults(),
        header.expected_dice.faults(),
        run.faults(),
    ]
    .concat();
    if header.sure_region.is_some_and(|sure| !(0.5..=1.0).contains(&sure)) {
        faults.push("`sure_region` must lie between 0.5 and 1".into());
    }
    if header.threshold.is_some_and(|threshold| !(0.0..1.0).contains(&threshold)) {
        faults.push("`threshold` must lie between 0 and 1".into());
    }
    let (size, stride) = (header.preprocess.size, header.architecture.vision.stride());
    if size == 0 || size > LARGEST_INPUT || stride == 0 || !size.is_multiple_of(stride) {
        let text = format!(
            "the input size {size} must be a multiple of the encoder's stride {stride}, at most {LARGEST_INPUT}"
        );
        faults.push(text);
    }
    faults
}
