//! Weights of Burn modules. Only this module translates between PyTorch's layout and Burn's.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};

use crate::weights::Weights;
use crate::{Error, Result};

impl Weights {
    /// Collects the parameters and running statistics of a module.
    pub fn of_module<M: Module>(module: &M) -> Self {
        let mut collector = Collector::default();
        module.visit(&mut collector);
        collector.weights
    }

    /// Loads a module. Every parameter needs a finite tensor of the right shape. Other tensors are ignored.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`] or [`Error::NotFinite`] with the first wrong tensor.
    pub fn load_into<M: Module>(&self, module: M) -> Result<M> {
        self.load_with_names(module, &str::to_owned)
    }

    /// As [`Self::load_into`]. Error messages have the tensor's name in the checkpoint's own layout, from `foreign_name`.
    pub(crate) fn load_with_names<M: Module>(
        &self,
        module: M,
        foreign_name: &dyn Fn(&str) -> String,
    ) -> Result<M> {
        let mut loader = Loader { path: Path::default(), weights: self, foreign_name, error: None };
        let module = module.map(&mut loader);
        loader.error.map_or(Ok(module), Err)
    }
}

/// The current place of a traversal: field names and the structs that hold them.
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
            // The parameter's value is not read, because that would draw random initial values.
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
