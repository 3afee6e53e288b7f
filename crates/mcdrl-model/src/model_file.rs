//! The model file: one safetensors file that says what it is.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::network::{Mcdrl, McdrlConfig};
use crate::preprocess::Preprocess;
use crate::profile::Profile;
use crate::self_check::{SelfCheck, built_in_image};
use crate::weights::{Precision, Weights, hex_sha256};
use crate::{Error, Result, Segmenter};

/// The format version that this build reads and writes.
pub const FORMAT_VERSION: u32 = 1;

const HEADER_KEY: &str = "mcdrl";

/// What a model file says about its model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelHeader {
    /// [`FORMAT_VERSION`].
    pub version: u32,
    /// The network.
    pub architecture: McdrlConfig,
    /// Classes, confounders and prompts.
    pub profile: Profile,
    /// How images become pixels.
    pub preprocess: Preprocess,
    /// Where the model comes from: sites, seed, git revision, metrics, licences. Free-form.
    pub provenance: Value,
    /// What the model says about the built-in image; files of before have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<SelfCheck>,
    /// How many bytes a value is stored in: 4 or 2.
    pub bytes_per_value: u8,
    /// SHA-256 over the tensors, hexadecimal.
    pub sha256: String,
    /// SHA-256 over this header's text with nothing between these quotes, hexadecimal.
    pub header_sha256: String,
}

/// A network with what it needs to be used.
#[derive(Debug)]
pub struct Model {
    /// What the file says.
    pub header: ModelHeader,
    /// The network.
    pub network: Mcdrl,
}

impl Model {
    /// Reads a model file onto a device.
    ///
    /// # Errors
    /// One clear sentence each for a file that is cut short or no safetensors ([`Error::Safetensors`]), no
    /// model ([`Error::NotAModel`]), of another version, with a damaged header, a wrong digest, or a tensor
    /// that is missing, misshapen or not finite.
    pub fn from_bytes(bytes: &[u8], device: &Device) -> Result<Self> {
        let weights = Weights::from_safetensors(bytes)?;
        let header = read_header(&weights)?;
        let precision = precision(&header)?;
        let found = weights.sha256(precision);
        if found != header.sha256 {
            return Err(Error::ModelDigest { expected: header.sha256, found });
        }
        check(&header)?;
        let network = header.architecture.init(device);
        let network = weights.load_into(network, &str::to_owned)?;
        Ok(Self { header, network })
    }

    /// Reads what a model file says about itself, without building the network.
    ///
    /// # Errors
    /// As [`Model::from_bytes`], but for what concerns tensors.
    pub fn read_header(bytes: &[u8]) -> Result<ModelHeader> {
        read_header(&Weights::from_safetensors(bytes)?)
    }

    /// A model of these parts; the digest is made when it is written.
    pub fn new(network: Mcdrl, profile: Profile, provenance: Value) -> Self {
        let architecture = network.config().clone();
        let header = ModelHeader {
            version: FORMAT_VERSION,
            preprocess: Preprocess::clip(architecture.input_size),
            architecture,
            profile,
            provenance,
            check: None,
            bytes_per_value: 4,
            sha256: String::new(),
            header_sha256: String::new(),
        };
        Self { header, network }
    }

    /// The model as a file, with its answer to the built-in image. Equal models give equal bytes.
    pub fn to_bytes(&self, precision: Precision) -> Vec<u8> {
        let mut weights = Weights::of_module(&self.network);
        let mut header = ModelHeader {
            bytes_per_value: if precision == Precision::Half { 2 } else { 4 },
            sha256: weights.sha256(precision),
            header_sha256: String::new(),
            check: self.answer(&weights.to_safetensors(precision)),
            ..self.header.clone()
        };
        let text =
            |header: &ModelHeader| serde_json::to_string(header).expect("a header is plain data");
        header.header_sha256 = hex_sha256(text(&header).as_bytes());
        weights.set_metadata(HEADER_KEY, text(&header));
        weights.to_safetensors(precision)
    }

    /// The answer of the tensors as stored, rounded or not: who reads a file and writes it again gets the same one.
    /// `None` for a network that gives none, such as one that diverged.
    fn answer(&self, stored: &[u8]) -> Option<SelfCheck> {
        let device = self.network.class_texts().device();
        let network = self.header.architecture.init(&device);
        let network = Weights::from_safetensors(stored).ok()?.load_into(network, &str::to_owned);
        let model = Self { header: self.header.clone(), network: network.ok()? };
        let segmentation = Segmenter::new(model, &device).segment(&built_in_image()).ok()?;
        Some(SelfCheck::of(&segmentation))
    }
}

fn read_header(weights: &Weights) -> Result<ModelHeader> {
    let text = weights.metadata(HEADER_KEY).ok_or(Error::NotAModel)?;
    let damaged = |e: serde_json::Error| Error::ModelHeader(e.to_string());
    // The version first: another version's header may have other fields.
    let value: Value = serde_json::from_str(text).map_err(damaged)?;
    let version = value["version"]
        .as_u64()
        .ok_or_else(|| Error::ModelHeader("it has no number under `version`".into()))?;
    if version != u64::from(FORMAT_VERSION) {
        let found = u32::try_from(version).unwrap_or(u32::MAX);
        return Err(Error::ModelVersion { found, supported: FORMAT_VERSION });
    }
    let header: ModelHeader = serde_json::from_value(value).map_err(damaged)?;
    let found = hex_sha256(text.replacen(&header.header_sha256, "", 1).as_bytes());
    if found != header.header_sha256 {
        return Err(Error::ModelHeader(format!(
            "its SHA-256 is {found} where it says {}; download or copy the file again",
            header.header_sha256
        )));
    }
    Ok(header)
}

fn precision(header: &ModelHeader) -> Result<Precision> {
    match header.bytes_per_value {
        4 => Ok(Precision::Full),
        2 => Ok(Precision::Half),
        other => Err(Error::ModelHeader(format!("{other} bytes per value are not known"))),
    }
}

/// Sizes that would make building the network panic are told apart from damaged tensors.
fn check(header: &ModelHeader) -> Result<()> {
    let architecture = &header.architecture;
    let counts = [
        ("classes", architecture.classes, header.profile.classes.len()),
        ("confounders", architecture.confounders, header.profile.confounders.len()),
        ("input size", architecture.input_size, header.preprocess.size),
    ];
    for (what, network, words) in counts {
        if network != words || network == 0 {
            return Err(Error::ModelHeader(format!(
                "its architecture has {what} {network} where the rest says {words}"
            )));
        }
    }
    if let Some(problem) = architecture.vision.problem() {
        return Err(Error::ModelHeader(problem));
    }
    let stride = architecture.vision.stride();
    let heads = architecture.intervention.heads;
    let width = architecture.vision.embed_dim();
    let sound = stride > 0
        && architecture.input_size.is_multiple_of(stride)
        && architecture.input_size <= 4096
        && architecture.intervention.width == width
        && (1..=64).contains(&architecture.intervention.layers)
        && heads > 0
        && architecture.head_width > 0
        && width.is_multiple_of(heads);
    if !sound {
        return Err(Error::ModelHeader("its architecture has sizes that do not fit".into()));
    }
    Ok(())
}
