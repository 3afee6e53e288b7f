//! Named tensors in safetensors files.
//!
//! Names and layouts are PyTorch's: `Linear` weights are `[out, in]`, norms have `weight` and `bias`. So files from OpenAI
//! and Hugging Face load as they are, and other programs can read ours.

use std::collections::{BTreeMap, HashMap};

use mcdrl_image::FileKind;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors, serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// The precision of stored tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Full,
    /// 16-bit IEEE floats: half the size. A tensor with values beyond their range stays 32-bit.
    Half,
}

/// Named tensors in PyTorch's layout, with the file's text metadata.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    pub(crate) tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    metadata: HashMap<String, String>,
}

impl Weights {
    /// The text metadata under `key` of a safetensors file, without its tensors.
    ///
    /// # Errors
    /// As [`Self::from_safetensors`].
    pub fn metadata_of(bytes: &[u8], key: &str) -> Result<Option<String>> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable(bytes))?;
        Ok(header.metadata().as_ref().and_then(|metadata| metadata.get(key).cloned()))
    }

    /// Reads a safetensors file. f16 and bf16 become f32; integer tensors are left out.
    ///
    /// # Errors
    /// [`Error::OtherFile`] for a file of another kind, [`Error::Safetensors`] for one that is cut off or of an unknown kind.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable(bytes))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let file = SafeTensors::deserialize(bytes).map_err(unreadable(bytes))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            if let Some(values) = to_f32(&view) {
                tensors.insert(name, (view.shape().to_vec(), values));
            }
        }
        Ok(Self { tensors, metadata })
    }

    /// The tensors as a safetensors file.
    pub fn to_safetensors(&self, precision: Precision) -> Vec<u8> {
        let encoded: Vec<(&String, &Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| (name, shape, encode(values, precision)))
            .collect();
        let views = encoded.iter().map(|(name, shape, bytes)| {
            let values: usize = shape.iter().product();
            let dtype = if bytes.len() == 2 * values { Dtype::F16 } else { Dtype::F32 };
            let view = TensorView::new(dtype, (*shape).clone(), bytes)
                .expect("the bytes were encoded for this shape and type");
            (name.as_str(), view)
        });
        let metadata = (!self.metadata.is_empty()).then(|| self.metadata.clone());
        serialize(views, metadata).expect("names and shapes fit a safetensors header")
    }

    /// The text metadata under `key`.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Sets the text metadata under `key`.
    pub fn set_metadata(&mut self, key: &str, value: String) {
        self.metadata.insert(key.into(), value);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|(shape, _)| shape.as_slice())
    }

    /// The values of a tensor, row-major.
    pub fn values(&self, name: &str) -> Option<&[f32]> {
        self.tensors.get(name).map(|(_, values)| values.as_slice())
    }

    /// Adds a tensor.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name.into(), (shape, values));
    }

    /// Removes a tensor.
    pub fn remove(&mut self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        self.tensors.remove(name)
    }

    /// Renames every tensor. Drops the tensors for which `rename` returns `None`.
    pub fn renamed(self, rename: impl Fn(&str) -> Option<String>) -> Self {
        let tensors = self.tensors.into_iter();
        let tensors = tensors.filter_map(|(name, tensor)| Some((rename(&name)?, tensor))).collect();
        Self { tensors, metadata: self.metadata }
    }

    /// The number of values in all tensors.
    pub fn num_values(&self) -> usize {
        self.tensors.values().map(|(_, values)| values.len()).sum()
    }

    /// SHA-256 of names, shapes and values as they are stored, hexadecimal.
    pub fn sha256(&self, precision: Precision) -> String {
        let mut hasher = Sha256::new();
        for (name, (shape, values)) in &self.tensors {
            hasher.update(name.as_bytes());
            hasher.update(format!("{shape:?}"));
            hasher.update(encode(values, precision));
        }
        hex(&hasher.finalize())
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The error about a file that is not a whole safetensors file.
fn unreadable(bytes: &[u8]) -> impl Fn(SafeTensorError) -> Error + '_ {
    |error| match FileKind::of(bytes) {
        Some(kind) => Error::OtherFile(kind),
        None => Error::Safetensors(error.to_string()),
    }
}

fn to_f32(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    Some(match view.dtype() {
        Dtype::F32 => {
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        }
        Dtype::F64 => bytes
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes(b.try_into().expect("chunks of eight")) as f32)
            .collect(),
        Dtype::F16 => {
            bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
        }
        Dtype::BF16 => bytes
            .chunks_exact(2)
            .map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32())
            .collect(),
        _ => return None,
    })
}

/// The bytes of a tensor. A tensor with values beyond half precision stays in full precision.
fn encode(values: &[f32], precision: Precision) -> Vec<u8> {
    let largest = half::f16::MAX.to_f32();
    if precision == Precision::Half && values.iter().all(|v| v.abs() <= largest) {
        return values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
    }
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
