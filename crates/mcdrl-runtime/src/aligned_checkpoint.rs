//! An EfficientNet-Lite and a sentence encoder that are aligned into a small CLIP: one safetensors file with everything.

use burn::tensor::{Device, Tensor};
use mcdrl_model::clip::{
    Alignment, AlignmentConfig, EfficientNetLiteConfig, ProjectedLite, SentenceEncoder,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lite_checkpoint::LiteCheckpoint;
use crate::sentence_checkpoint::SentenceCheckpoint;
use crate::weights::{Precision, Weights};
use crate::{Error, Result};

/// The key of the metadata in the file.
const HEADER_KEY: &str = "mcdrl-aligned-clip";

/// The prefixes of the tensors of each part.
const VISION: &str = "vision.";
const TEXT: &str = "text.";
const MAPS: &str = "maps.";

/// A small CLIP of two pre-trained encoders.
#[derive(Clone, Debug)]
pub struct AlignedCheckpoint {
    /// The visual encoder.
    pub lite: LiteCheckpoint,
    /// The text encoder.
    pub sentences: SentenceCheckpoint,
    /// Side of the square input, pixels.
    pub input_size: usize,
    /// Width d of the joint space.
    pub embed_dim: usize,
    /// Origin of the alignment. Free-form.
    pub provenance: Value,
    maps: Weights,
}

/// The metadata in the file.
#[derive(Serialize, Deserialize)]
struct Header {
    text_config: String,
    tokenizer: String,
    input_size: usize,
    embed_dim: usize,
    provenance: Value,
}

/// The encoders and the maps on a device.
pub struct AlignedClip {
    /// Images → joint space.
    pub visual: ProjectedLite,
    /// Texts → sentence embeddings.
    pub sentences: SentenceEncoder,
    /// Sentence embeddings → joint space.
    pub alignment: Alignment,
}

impl AlignedCheckpoint {
    /// The checkpoint of two encoders and of the maps between them.
    ///
    /// - `input_size`: side of the square input, pixels
    /// - `embed_dim`: width of the joint space
    pub fn new(
        lite: LiteCheckpoint,
        sentences: SentenceCheckpoint,
        alignment: &Alignment,
        [input_size, embed_dim]: [usize; 2],
        provenance: Value,
    ) -> Self {
        let maps = Weights::of_module(alignment);
        Self { lite, sentences, input_size, embed_dim, provenance, maps }
    }

    /// Reads a file; `None` if it is a safetensors file of another kind.
    ///
    /// # Errors
    /// [`Error::Safetensors`], [`Error::UnknownEncoder`] for a damaged file.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(header) = Weights::metadata_of(bytes, HEADER_KEY)? else { return Ok(None) };
        let file = Weights::from_safetensors(bytes)?;
        let header: Header = serde_json::from_str(&header)
            .map_err(|e| Error::UnknownEncoder(format!("its header cannot be read: {e}")))?;
        let part = |prefix: &str| {
            file.clone().renamed(|name| name.strip_prefix(prefix).map(str::to_owned))
        };
        let tokenizer = header.tokenizer.as_bytes();
        Ok(Some(Self {
            lite: LiteCheckpoint::from_weights(part(VISION))?,
            sentences: SentenceCheckpoint::new(&header.text_config, tokenizer, part(TEXT))?,
            input_size: header.input_size,
            embed_dim: header.embed_dim,
            provenance: header.provenance,
            maps: part(MAPS),
        }))
    }

    /// The file.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let mut file = Weights::default();
        let parts =
            [(VISION, self.lite.weights()), (TEXT, self.sentences.weights()), (MAPS, &self.maps)];
        for (prefix, weights) in parts {
            for name in weights.names() {
                let shape = weights.shape(name).expect("it was listed").to_vec();
                let values = weights.values(name).expect("it was listed").to_vec();
                file.insert(format!("{prefix}{name}"), shape, values);
            }
        }
        let (text_config, tokenizer) = self.sentences.files();
        let header = Header {
            text_config,
            tokenizer,
            input_size: self.input_size,
            embed_dim: self.embed_dim,
            provenance: self.provenance.clone(),
        };
        let header = serde_json::to_string(&header).expect("a header is plain data");
        file.set_metadata(HEADER_KEY, header);
        file.to_safetensors(Precision::Full)
    }

    /// SHA-256 of the visual encoder and of the maps, hexadecimal.
    pub fn sha256(&self) -> String {
        format!("{} {}", self.lite.sha256(), self.maps.sha256(Precision::Full))
    }

    /// The configuration of the visual encoder.
    pub fn vision(&self) -> EfficientNetLiteConfig {
        EfficientNetLiteConfig::new()
            .with_version(self.lite.version)
            .with_image_size(self.input_size)
            .with_embed_dim(self.embed_dim)
    }

    /// Builds the encoders and the maps.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`].
    pub fn init(&self, device: &Device) -> Result<AlignedClip> {
        let [.., image_width] = self.lite.version.tap_channels();
        let maps = AlignmentConfig::new(image_width, self.sentences.config.width)
            .with_embed_dim(self.embed_dim);
        let alignment = self.maps.load_into(maps.init(device))?;
        Ok(AlignedClip {
            visual: alignment.visual(self.lite.init(device)?),
            sentences: self.sentences.init(device)?,
            alignment,
        })
    }

    /// The embeddings of texts in the joint space, one row per text: `[texts, d]`.
    pub fn embed(&self, clip: &AlignedClip, texts: &[impl AsRef<str>]) -> Tensor<2> {
        clip.alignment.texts(self.sentences.embed(&clip.sentences, texts))
    }
}
