//! PyTorch's files.

use std::path::Path;

use pytorch_reader::{DType, PytorchReader};

use crate::weights::Weights;
use crate::{Error, Result};

impl Weights {
    /// Reads the state dict in a file that `torch.save` wrote, of any version of PyTorch. f16, bf16 and f64 become f32; tensors
    /// of other types are left out. No code in the file is run.
    ///
    /// # Errors
    /// [`Error::StateDict`] for a file of another format or a file that is cut off.
    pub fn from_state_dict(path: &Path) -> Result<Self> {
        let broken = |error: &dyn std::fmt::Display| Error::StateDict(error.to_string());
        let reader = PytorchReader::new(path).map_err(|e| broken(&e))?;
        let mut weights = Self::default();
        for (name, tensor) in reader.tensors() {
            let size = match tensor.dtype() {
                DType::F16 | DType::BF16 => 2,
                DType::F32 => 4,
                DType::F64 => 8,
                _ => continue,
            };
            let bytes = tensor.read().map_err(|e| broken(&e))?;
            let value = |bytes: &[u8]| match tensor.dtype() {
                DType::F16 => half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
                DType::BF16 => half::bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
                DType::F32 => f32::from_le_bytes(bytes.try_into().expect("four bytes")),
                _ => f64::from_le_bytes(bytes.try_into().expect("eight bytes")) as f32,
            };
            let values = bytes.chunks_exact(size).map(value).collect();
            weights.insert(name, tensor.shape().to_vec(), values);
        }
        Ok(weights)
    }
}
