//! The exponential moving average (EMA) of the weights, which is evaluated and kept.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// The average of all values of a network, as one vector, running statistics included.
pub struct Average {
    values: Tensor<1>,
}

impl Average {
    /// The average that begins with a network.
    pub fn of<M: Module>(network: &M) -> Self {
        Self { values: values(network) }
    }

    /// Moves towards `network`: θ̄ ← d·θ̄ + (1 - d)·θ.
    pub fn update<M: Module>(&mut self, network: &M, decay: f64) {
        self.values = self.values.clone() * decay + values(network) * (1.0 - decay);
    }

    /// A network with the averaged values.
    ///
    /// - `network`: of the same architecture, without gradients
    pub fn network<M: Module>(&self, network: M) -> M {
        network.map(&mut Scatter { values: &self.values, used: 0 })
    }
}

/// All values of a network.
fn values<M: Module>(network: &M) -> Tensor<1> {
    struct Collect {
        values: Vec<Tensor<1>>,
    }
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val().detach().without_autodiff();
            let count = value.dims().iter().product::<usize>();
            self.values.push(value.reshape([count]));
        }
    }
    let mut collect = Collect { values: Vec::new() };
    network.visit(&mut collect);
    Tensor::cat(collect.values, 0)
}

struct Scatter<'a> {
    values: &'a Tensor<1>,
    used: usize,
}

impl ModuleMapper for Scatter<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        let count = shape.iter().product::<usize>();
        let value = self.values.clone().narrow(0, self.used, count).reshape(shape);
        self.used += count;
        param.map(|_| value)
    }
}
