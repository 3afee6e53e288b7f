//! AdamW over a module.
//!
//! The arithmetic is Burn's. The moments are kept here, because Burn's `ModuleOptimizer` restores them on the default
//! device. In a build with a GPU backend that is a GPU, and a machine without one could not resume.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, GradientsParams, Optimizer};
use burn::tensor::container::TensorContainer;
use burn::tensor::{DType, Tensor, TensorData};
use mcdrl_runtime::Weights;

/// As in PyTorch. Burn's default of 1e-5 is as large as the gradients of a mean over pixels.
const EPSILON: f32 = 1e-8;

/// The first name in the path of the parameters that have their own learning rate.
const ENCODER: &str = "visual";

/// The first names in the paths of the parameters that are clipped on their own. Their losses are large at first, and would
/// leave little of the others' gradients.
const CLIPPED_ALONE: [&str; 2] = ["readout", "intervention"];

/// AdamW with the moments of a module's parameters.
pub struct ModuleAdamW {
    /// For matrices and kernels.
    decaying: AdamW,
    /// For norms and biases, which have one axis.
    plain: AdamW,
    clip_norm: f64,
    /// An [`AdamWState`] for each parameter that has had a gradient.
    states: TensorContainer<ParamId>,
}

/// The learning rates of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRates {
    /// Of the visual encoder.
    pub encoder: f64,
    /// Of everything else.
    pub rest: f64,
}

impl ModuleAdamW {
    /// AdamW that scales all gradients of a part together if their norm is larger than `clip_norm`; 0 disables this. The parts
    /// are the read-out, the intervention, and all the rest.
    pub fn new(weight_decay: f64, clip_norm: f64) -> Self {
        let config = AdamWConfig::new().with_epsilon(EPSILON);
        Self {
            decaying: config.clone().with_weight_decay(weight_decay as f32).build(),
            plain: config.with_weight_decay(0.0).build(),
            clip_norm,
            states: TensorContainer::new(),
        }
    }

    /// One step of every parameter that has a gradient.
    pub fn step<M: Module>(
        &mut self,
        rates: LearningRates,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        let scales = match self.clip_norm > 0.0 {
            true => clipping(&module, &gradients, self.clip_norm),
            false => Default::default(),
        };
        module.map(&mut Step { optimizer: self, gradients, rates, scales, path: Vec::new() })
    }

    /// The moments, under the ids of `module`'s parameters.
    pub fn to_weights<M: Module>(&self, module: &M) -> Weights {
        let mut save = Save { optimizer: self, weights: Weights::default() };
        module.visit(&mut save);
        save.weights
    }

    /// Restores the moments of [`Self::to_weights`] on the devices of `module`'s parameters.
    pub fn restore<M: Module>(&mut self, module: &M, weights: &Weights) {
        module.visit(&mut Restore { optimizer: self, weights });
    }
}

/// The number of parts that are clipped.
const PARTS: usize = CLIPPED_ALONE.len() + 1;

/// The part that a parameter belongs to.
fn part(path: &[String]) -> usize {
    let first = path.first().map(String::as_str);
    CLIPPED_ALONE.iter().position(|name| first == Some(name)).unwrap_or(PARTS - 1)
}

/// For each part the factor that reduces the norm of its gradients to `largest`, or 1: `[1]`. It stays on the device. `None`
/// for a part without gradients.
fn clipping<M: Module>(
    module: &M,
    gradients: &GradientsParams,
    largest: f64,
) -> [Option<Tensor<1>>; PARTS] {
    struct Squares<'a> {
        gradients: &'a GradientsParams,
        path: Vec<String>,
        sums: [Vec<Tensor<1>>; PARTS],
    }
    impl ModuleVisitor for Squares<'_> {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.into());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.gradients.get::<D>(param.id) {
                self.sums[part(&self.path)].push(gradient.square().sum());
            }
        }
    }
    let mut squares = Squares { gradients, path: Vec::new(), sums: Default::default() };
    module.visit(&mut squares);
    squares.sums.map(|sums| {
        let norm = (!sums.is_empty()).then(|| Tensor::cat(sums, 0).sum().sqrt())?;
        Some((norm + 1e-6).recip().mul_scalar(largest).clamp_max(1.0))
    })
}

struct Step<'a> {
    optimizer: &'a mut ModuleAdamW,
    gradients: GradientsParams,
    rates: LearningRates,
    scales: [Option<Tensor<1>>; PARTS],
    path: Vec<String>,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(mut gradient) = self.gradients.remove::<D>(param.id) else { return param };
        if let Some(scale) = &self.scales[part(&self.path)] {
            gradient = gradient * scale.clone().reshape([1; D]);
        }
        let in_encoder = self.path.first().is_some_and(|name| name == ENCODER);
        let rate = if in_encoder { self.rates.encoder } else { self.rates.rest };
        let ModuleAdamW { decaying, plain, states, .. } = &mut *self.optimizer;
        let (id, tensor, mapper) = param.consume();
        let state = states.remove::<AdamWState<D>>(&id);
        let adamw = if D > 1 { decaying } else { plain };
        let (stepped, state) = adamw.step(rate, tensor.inner(), gradient, state);
        if let Some(state) = state {
            states.register(id, state);
        }
        Param::from_mapped_value(id, Tensor::from_inner(stepped).require_grad(), mapper)
    }
}

struct Save<'a> {
    optimizer: &'a ModuleAdamW,
    weights: Weights,
}

impl ModuleVisitor for Save<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(state) = self.optimizer.states.get::<AdamWState<D>>(&param.id) else { return };
        let AdaptiveMomentumState { time, moment_1, moment_2, .. } = state.momentum;
        let [first, second, steps] = names(param.id);
        for (name, moment) in [(first, moment_1), (second, moment_2)] {
            let shape = moment.dims().to_vec();
            let values = moment.into_data_dtype(DType::F32).try_to_vec();
            self.weights.insert(name, shape, values.expect("converted to f32 just now"));
        }
        // Exact up to 2²⁴ steps.
        self.weights.insert(steps, vec![1], vec![time as f32]);
    }
}

struct Restore<'a> {
    optimizer: &'a mut ModuleAdamW,
    weights: &'a Weights,
}

impl ModuleVisitor for Restore<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let device = param.val().device().inner();
        let shape = param.val().dims();
        let [first, second, steps] = names(param.id);
        let moment = |name: &str| {
            let values = self.weights.values(name)?.to_vec();
            (values.len() == shape.iter().product::<usize>())
                .then(|| Tensor::<D>::from_data(TensorData::new(values, shape), &device))
        };
        if let (Some(first), Some(second), Some(&[steps])) =
            (moment(&first), moment(&second), self.weights.values(&steps))
        {
            let momentum = AdaptiveMomentumState::new(steps as usize, first, second);
            self.optimizer.states.register(param.id, AdamWState::new(momentum));
        }
    }
}

fn names(id: ParamId) -> [String; 3] {
    ["first", "second", "steps"].map(|part| format!("{:016x}.{part}", id.val()))
}
