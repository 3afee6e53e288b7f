//! AdamW (Loshchilov and Hutter 2019) over a module.
//!
//! All parameters that are treated alike form one vector. So a step needs a few operations instead of a dozen for each
//! parameter, and a GPU, for which every operation is a launch, is not kept waiting.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};
use mcdrl_runtime::Weights;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The parts of the network that are treated differently, by the first name in the path of their parameters. The last part is
/// everything else.
const PARTS: [&str; 4] = ["visual", "readout", "intervention", ""];

/// The layer over EfficientNet-Lite that has no pre-trained weights. It learns like the last part. (CLIP's own projection is a
/// parameter without a layer.)
const NEW_LAYER: [&str; 4] = ["visual", "Lite", "proj", "weight"];

/// The parts whose gradients are clipped together. The losses of the read-out and of the intervention are large at first, and
/// would leave little of the others' gradients.
const CLIPPED_TOGETHER: [&[usize]; 3] = [&[0, 3], &[1], &[2]];

/// Each part has its matrices and kernels, and its norms and biases, which have one axis and do not decay.
const GROUPS: usize = 2 * PARTS.len();

/// AdamW with the moments of a module's parameters.
pub struct ModuleAdamW {
    weight_decay: f64,
    clip_norm: f64,
    moments: [Option<Moments>; GROUPS],
    steps: i32,
}

/// The learning rates of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearningRates {
    /// Of the visual encoder.
    pub encoder: f64,
    /// Of everything else.
    pub rest: f64,
}

/// The moving averages of a group's gradients and of their squares.
struct Moments {
    first: Tensor<1>,
    second: Tensor<1>,
}

/// A group's parameters and gradients.
#[derive(Default)]
struct Group {
    values: Vec<Tensor<1>>,
    gradients: Vec<Tensor<1>>,
}

impl ModuleAdamW {
    /// AdamW that scales the gradients of a part together if their norm is larger than `clip_norm`; 0 disables this.
    pub fn new(weight_decay: f64, clip_norm: f64) -> Self {
        Self { weight_decay, clip_norm, moments: Default::default(), steps: 0 }
    }

    /// One step of every trained parameter. One without a gradient has the gradient zero.
    pub fn step<M: Module>(
        &mut self,
        rates: LearningRates,
        module: M,
        gradients: GradientsParams,
    ) -> M {
        let mut collect =
            Collect { gradients, place: Place::default(), groups: Default::default() };
        module.visit(&mut collect);
        let groups = collect.groups.map(Group::joined);
        let scales = self.clipping(&groups);
        self.steps += 1;
        let mut stepped: [Option<Tensor<1>>; GROUPS] = Default::default();
        for (number, group) in groups.into_iter().enumerate() {
            let Some((values, mut gradient)) = group else { continue };
            if let Some(scale) = &scales[number / 2] {
                gradient = gradient * scale.clone();
            }
            let rate = if number / 2 == 0 { rates.encoder } else { rates.rest };
            let decay = if number % 2 == 0 { rate * self.weight_decay } else { 0.0 };
            stepped[number] = Some(self.group_step(number, values, gradient, rate, decay));
        }
        module.map(&mut Scatter { groups: stepped, used: [0; GROUPS], place: Place::default() })
    }

    fn group_step(
        &mut self,
        number: usize,
        values: Tensor<1>,
        gradient: Tensor<1>,
        rate: f64,
        decay: f64,
    ) -> Tensor<1> {
        let moments = self.moments[number].take().unwrap_or_else(|| Moments {
            first: gradient.zeros_like(),
            second: gradient.zeros_like(),
        });
        let first = moments.first * BETA_1 + gradient.clone() * (1.0 - BETA_1);
        let second = moments.second * BETA_2 + gradient.square() * (1.0 - BETA_2);
        let unbiased = |beta: f64| 1.0 - beta.powi(self.steps);
        let size = (second.clone() / unbiased(BETA_2)).sqrt() + EPSILON;
        let change = first.clone() / size * (rate / unbiased(BETA_1));
        self.moments[number] = Some(Moments { first, second });
        values * (1.0 - decay) - change
    }

    /// For each part the factor that reduces the norm of its gradients to the largest allowed one, or 1: `[1]`. It stays on the
    /// device.
    fn clipping(
        &self,
        groups: &[Option<(Tensor<1>, Tensor<1>)>; GROUPS],
    ) -> [Option<Tensor<1>>; PARTS.len()] {
        let mut scales: [Option<Tensor<1>>; PARTS.len()] = Default::default();
        if self.clip_norm == 0.0 {
            return scales;
        }
        for parts in CLIPPED_TOGETHER {
            let of_parts = parts.iter().flat_map(|part| &groups[2 * part..2 * part + 2]).flatten();
            let squares = of_parts.map(|(_, gradient)| gradient.clone().square().sum());
            let Some(sum) = squares.reduce(|sum, square| sum + square) else { continue };
            let scale = (sum.sqrt() + 1e-6).recip().mul_scalar(self.clip_norm).clamp_max(1.0);
            parts.iter().for_each(|part| scales[*part] = Some(scale.clone()));
        }
        scales
    }

    /// The moments.
    pub fn to_weights(&self) -> Weights {
        let mut weights = Weights::default();
        for (number, moments) in self.moments.iter().enumerate() {
            let Some(moments) = moments else { continue };
            for (name, moment) in [("first", &moments.first), ("second", &moments.second)] {
                let shape = moment.dims().to_vec();
                let values = moment.clone().into_data_dtype(DType::F32).try_to_vec();
                let values = values.expect("converted to f32 just now");
                weights.insert(format!("{name}.{number}"), shape, values);
            }
        }
        // Exact up to 2²⁴ steps.
        weights.insert("steps", vec![1], vec![self.steps as f32]);
        weights
    }

    /// Restores the moments of [`Self::to_weights`] on the device of `module`.
    pub fn restore<M: Module>(&mut self, module: &M, weights: &Weights) {
        let Some(device) = module.devices().into_iter().next() else { return };
        let moment = |name: &str, number: usize| {
            let values = weights.values(&format!("{name}.{number}"))?.to_vec();
            let count = values.len();
            Some(Tensor::<1>::from_data(TensorData::new(values, [count]), &device.clone().inner()))
        };
        for number in 0..GROUPS {
            if let (Some(first), Some(second)) = (moment("first", number), moment("second", number))
            {
                self.moments[number] = Some(Moments { first, second });
            }
        }
        self.steps = weights.values("steps").map_or(0, |steps| steps[0] as i32);
    }
}

impl Group {
    /// All parameters and all gradients.
    fn joined(self) -> Option<(Tensor<1>, Tensor<1>)> {
        (!self.values.is_empty())
            .then(|| (Tensor::cat(self.values, 0), Tensor::cat(self.gradients, 0)))
    }
}

/// The place of a parameter in the module.
#[derive(Default)]
struct Place {
    path: Vec<String>,
}

impl Place {
    /// The group of the parameter here.
    fn group(&self, axes: usize) -> usize {
        let first = self.path.first().map_or("", String::as_str);
        let last = PARTS.len() - 1;
        let is_new = self.path == NEW_LAYER;
        let part = PARTS.iter().position(|part| *part == first && !is_new).unwrap_or(last);
        2 * part + usize::from(axes == 1)
    }
}

struct Collect {
    gradients: GradientsParams,
    place: Place,
    groups: [Group; GROUPS],
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.place.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let value = param.val().inner();
        let count = value.dims().iter().product::<usize>();
        let gradient = self.gradients.remove::<D>(param.id).unwrap_or_else(|| value.zeros_like());
        let group = &mut self.groups[self.place.group(D)];
        group.values.push(value.reshape([count]));
        group.gradients.push(gradient.reshape([count]));
    }
}

struct Scatter {
    groups: [Option<Tensor<1>>; GROUPS],
    used: [usize; GROUPS],
    place: Place,
}

impl ModuleMapper for Scatter {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.place.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.place.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let number = self.place.group(D);
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let count = shape.iter().product::<usize>();
        let group = self.groups[number].clone().expect("its parameters were collected");
        let stepped = group.narrow(0, self.used[number], count).reshape(shape);
        self.used[number] += count;
        Param::from_mapped_value(id, Tensor::from_inner(stepped).require_grad(), mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Initializer;
    use burn::tensor::Device;

    use super::*;

    #[derive(Module, Debug)]
    struct Parts {
        visual: Part,
        readout: Part,
        head: Part,
    }

    #[derive(Module, Debug)]
    struct Part {
        matrix: Param<Tensor<2>>,
        bias: Param<Tensor<1>>,
        fixed: Param<Tensor<1>>,
    }

    fn part(device: &Device) -> Part {
        let one = Initializer::Ones;
        Part {
            matrix: one.init([1, 2], device),
            bias: one.init([3], device),
            fixed: one.init::<1, _>([2], device).set_require_grad(false),
        }
    }

    fn parts() -> Parts {
        let device = Device::flex().autodiff();
        Parts { visual: part(&device), readout: part(&device), head: part(&device) }
    }

    fn value<const D: usize>(param: &Param<Tensor<D>>) -> f32 {
        param.val().flatten::<1>(0, D - 1).narrow(0, 0, 1).into_scalar()
    }

    const RATES: LearningRates = LearningRates { encoder: 0.001, rest: 0.01 };

    #[test]
    fn a_first_step_has_the_size_of_its_learning_rate() {
        let module = parts();
        let loss = module.visual.matrix.val().sum() * 1e-3
            + module.visual.bias.val().sum() * 1e-3
            + module.head.matrix.val().sum() * -1e-3;
        let gradients = GradientsParams::from_grads(loss.backward(), &module);
        let stepped = ModuleAdamW::new(0.1, 1.0).step(RATES, module, gradients);
        let near = |found: f32, expected: f32| assert!((found - expected).abs() < 1e-5, "{found}");
        // Decay is the rate times 0.1; biases do not decay, and what is fixed stays.
        near(value(&stepped.visual.matrix), 1.0 - 0.001 - 0.0001);
        near(value(&stepped.visual.bias), 1.0 - 0.001);
        near(value(&stepped.head.matrix), 1.0 + 0.01 - 0.001);
        near(value(&stepped.head.bias), 1.0);
        near(value(&stepped.visual.fixed), 1.0);
    }

    #[test]
    fn a_large_gradient_of_one_part_does_not_shrink_the_others() {
        // The step is proportional to the gradient only through the moments, so the first moment shows the clipping.
        let module = parts();
        let loss = module.readout.matrix.val().sum() * 1e4 + module.head.matrix.val().sum() * 0.01;
        let gradients = GradientsParams::from_grads(loss.backward(), &module);
        let mut optimizer = ModuleAdamW::new(0.0, 1.0);
        optimizer.step(RATES, module, gradients);
        let first = |number: usize| {
            let moments = optimizer.moments[number].as_ref().unwrap();
            moments.first.clone().narrow(0, 0, 1).into_scalar::<f32>()
        };
        assert!((first(2) - 0.1 / 2f32.sqrt()).abs() < 1e-4, "{}", first(2));
        assert!((first(6) - 0.1 * 0.01).abs() < 1e-6, "{}", first(6));
    }

    #[test]
    fn restored_moments_continue_the_run() {
        let run = |interrupted: bool| {
            let mut module = parts();
            let mut optimizer = ModuleAdamW::new(0.01, 1.0);
            for step in 0..4 {
                if interrupted && step == 2 {
                    let saved = optimizer.to_weights();
                    optimizer = ModuleAdamW::new(0.01, 1.0);
                    optimizer.restore(&module, &saved);
                }
                let loss = (module.head.matrix.val().sum() - step as f32).square()
                    + module.visual.bias.val().square().sum();
                let gradients = GradientsParams::from_grads(loss.backward(), &module);
                module = optimizer.step(RATES, module, gradients);
            }
            [value(&module.head.matrix), value(&module.visual.bias)]
        };
        assert_eq!(run(true), run(false));
    }
}
