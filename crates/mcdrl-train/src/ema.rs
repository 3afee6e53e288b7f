//! The exponential moving average (EMA) of the weights, which is evaluated and kept.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use burn::tensor::container::TensorContainer;

/// Moves `average` towards `network`: θ̄ ← d·θ̄ + (1 - d)·θ, running statistics included. Both must have the same
/// parameter ids.
pub fn update_ema<M: Module, N: Module>(average: M, network: &N, decay: f64) -> M {
    let mut current = Current { tensors: TensorContainer::new() };
    network.visit(&mut current);
    average.map(&mut Move { current, decay })
}

struct Current {
    tensors: TensorContainer<ParamId>,
}

impl ModuleVisitor for Current {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.tensors.register(param.id, param.val().detach().without_autodiff());
    }
}

struct Move {
    current: Current,
    decay: f64,
}

impl ModuleMapper for Move {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.current.tensors.remove::<Tensor<D>>(&param.id) {
            Some(current) => {
                let decay = self.decay;
                param.map(|average| average * decay + current * (1.0 - decay))
            }
            None => param,
        }
    }
}
