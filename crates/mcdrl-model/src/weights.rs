//! Named tensors in safetensors files, and their way into and out of Burn modules.
//!
//! Names and layouts are PyTorch's (`Linear` weights `[out, in]`, norms `weight` and `bias`), so that files
//! from OpenAI and Hugging Face load as they are and whatever opens safetensors can read ours. The
//! translation to Burn's layout happens here and nowhere else.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// How tensors are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    Full,
    /// 16-bit IEEE floats: half the size. Tensors with values beyond their range stay 32-bit.
    Half,
}

/// Named tensors in PyTorch's layout, with the file's text metadata.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    metadata: HashMap<String, String>,
}

impl Weights {
    /// Reads a safetensors file; f16 and bf16 become f32, integer tensors are left out.
    ///
    /// # Errors
    /// [`Error::Safetensors`] for anything else or a file cut short.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self> {
        let broken = |e: safetensors::SafeTensorError| Error::Safetensors(e.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let file = SafeTensors::deserialize(bytes).map_err(broken)?;
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

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        self.tensors.remove(name)
    }

    /// Every tensor renamed by `rename`; those for which it gives `None` are dropped.
    pub fn renamed(self, rename: impl Fn(&str) -> Option<String>) -> Self {
        let tensors = self.tensors.into_iter();
        let tensors = tensors.filter_map(|(name, tensor)| Some((rename(&name)?, tensor))).collect();
        Self { tensors, metadata: self.metadata }
    }

    /// The number of values in all tensors.
    pub fn num_values(&self) -> usize {
        self.tensors.values().map(|(_, values)| values.len()).sum()
    }

    /// A digest over names, shapes and values as they are stored.
    pub fn sha256(&self, precision: Precision) -> String {
        let mut hasher = Sha256::new();
        for (name, (shape, values)) in &self.tensors {
            hasher.update(name.as_bytes());
            hasher.update(format!("{shape:?}"));
            hasher.update(encode(values, precision));
        }
        hex(&hasher.finalize())
    }

    /// Collects the parameters and running statistics of a module.
    pub fn of_module<M: Module>(module: &M) -> Self {
        let mut collector = Collector::default();
        module.visit(&mut collector);
        collector.weights
    }

    /// Loads a module: every parameter must be here, finite and of the right shape. Tensors that the
    /// module does not ask for are ignored. `foreign_name` turns a name into the one of the
    /// checkpoint's own layout for error messages.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`], naming the first
    /// offending tensor.
    pub fn load_into<M: Module>(
        &self,
        module: M,
        foreign_name: &dyn Fn(&str) -> String,
    ) -> Result<M> {
        let mut loader = Loader { path: Path::default(), weights: self, foreign_name, error: None };
        let module = module.map(&mut loader);
        loader.error.map_or(Ok(module), Err)
    }
}

/// SHA-256 of bytes, hexadecimal.
pub(crate) fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

/// A tensor that half precision cannot hold stays in full.
fn encode(values: &[f32], precision: Precision) -> Vec<u8> {
    let largest = half::f16::MAX.to_f32();
    if precision == Precision::Half && values.iter().all(|v| v.abs() <= largest) {
        return values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
    }
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The place in a module during a traversal, as field names and the structs that hold them.
#[derive(Default)]
struct Path(Vec<(String, String)>);

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.0.push((name.into(), container.into()));
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    /// The PyTorch name of the current parameter, and whether its two axes are swapped there.
    fn name(&self) -> (String, bool) {
        let mut parts: Vec<&str> = Vec::new();
        for (name, container) in &self.0 {
            if !container.starts_with("Enum:") {
                parts.push(name);
            }
        }
        let container = self.0.last().map_or("", |(_, container)| container.as_str());
        let norm = matches!(container, "Struct:LayerNorm" | "Struct:BatchNorm");
        if let (true, Some(last)) = (norm, parts.last_mut()) {
            *last = match *last {
                "gamma" => "weight",
                "beta" => "bias",
                other => other,
            };
        }
        let leaf = parts.last().copied().unwrap_or_default();
        let swapped =
            (container == "Struct:Linear" && leaf == "weight") || leaf == "in_proj_weight";
        (parts.join("."), swapped)
    }
}

#[derive(Default)]
struct Collector {
    path: Path,
    weights: Weights,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (name, swapped) = self.path.name();
        let tensor = param.val().detach();
        let tensor = if swapped { tensor.transpose() } else { tensor };
        let shape = tensor.dims().to_vec();
        let values =
            tensor.into_data_dtype(DType::F32).try_to_vec().expect("converted to f32 just now");
        self.weights.insert(name, shape, values);
    }
}

struct Loader<'a> {
    path: Path,
    weights: &'a Weights,
    foreign_name: &'a dyn Fn(&str) -> String,
    error: Option<Error>,
}

impl Loader<'_> {
    fn find(&self, name: &str, swapped: bool, shape: &[usize]) -> Result<TensorData> {
        let mut expected = shape.to_vec();
        if swapped {
            expected.reverse();
        }
        let foreign = || (self.foreign_name)(name);
        let Some((found, values)) = self.weights.tensors.get(name) else {
            return Err(Error::MissingTensor { name: foreign(), shape: expected });
        };
        // PyTorch's scalars have no axis, Burn's tensors have at least one.
        if *found != expected && !(found.is_empty() && expected == [1]) {
            return Err(Error::TensorShape { name: foreign(), expected, found: found.clone() });
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(Error::NotFinite { name: foreign() });
        }
        if !swapped {
            return Ok(TensorData::new(values.clone(), shape.to_vec()));
        }
        let (rows, columns) = (shape[0], shape[1]);
        let mut turned = Vec::with_capacity(values.len());
        for row in 0..rows {
            turned.extend((0..columns).map(|column| values[column * rows + row]));
        }
        Ok(TensorData::new(turned, shape.to_vec()))
    }
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let (name, swapped) = self.path.name();
        match self.find(&name, swapped, &param.lazy_shape().to_vec()) {
            // Not by way of the parameter's value: its random start would be drawn for nothing.
            Ok(data) => {
                let tensor = Tensor::from_data(data, &param.lazy_device());
                let id = param.id;
                param.transform_for_load(tensor, id)
            }
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
