//! AdamW over a module.
//!
//! The arithmetic is Burn's. The moments are kept here, because Burn's `ModuleOptimizer` restores them on the default
//! device. In a build with a GPU backend that is a GPU, and a machine without one could not resume.

use burn::grad_clipping::GradientClipping;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, GradientsParams, Optimizer,
};
use burn::tensor::container::TensorContainer;
use burn::tensor::{DType, Tensor, TensorData};
use mcdrl_runtime::Weights;

/// As in PyTorch. Burn's default of 1e-5 is as large as the gradients of a mean over pixels.
const EPSILON: f32 = 1e-8;

/// AdamW with the moments of a module's parameters.
pub struct ModuleAdamW {
    adamw: AdamW,
    clipping: Option<GradientClipping>,
    /// An [`AdamWState`] for each parameter that has had a gradient.
    states: TensorContainer<ParamId>,
}

impl ModuleAdamW {
    /// AdamW that clips every parameter's gradient to the norm `clip_norm`; 0 disables clipping.
    pub fn new(weight_decay: f64, clip_norm: f64) -> Self {
        let config = AdamWConfig::new().with_weight_decay(weight_decay as f32);
        Self {
            adamw: config.with_epsilon(EPSILON).build(),
            clipping: (clip_norm > 0.0).then_some(GradientClipping::Norm(clip_norm as f32)),
            states: TensorContainer::new(),
        }
    }

    /// One step of every parameter that has a gradient.
    pub fn step<M: Module>(&mut self, rate: f64, module: M, gradients: GradientsParams) -> M {
        module.map(&mut Step { optimizer: self, gradients, rate })
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

struct Step<'a> {
    optimizer: &'a mut ModuleAdamW,
    gradients: GradientsParams,
    rate: f64,
}

impl ModuleMapper for Step<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let ModuleAdamW { adamw, clipping, states } = &mut *self.optimizer;
        let gradient = match clipping {
            Some(clipping) => clipping.clip_gradient(gradient),
            None => gradient,
        };
        let (id, tensor, mapper) = param.consume();
        let state = states.remove::<AdamWState<D>>(&id);
        let (stepped, state) = adamw.step(self.rate, tensor.inner(), gradient, state);
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
