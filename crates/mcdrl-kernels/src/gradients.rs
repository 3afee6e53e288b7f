//! The gradients of the operations, for Burn's autodiff.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use crate::activation::Activation;
use crate::backend::Kernels;
use crate::padding::Padding;

#[derive(Debug)]
struct Convolve;

impl<B: Backend + Kernels> Backward<B, 2> for Convolve {
    type State = (NodeId, NodeId, usize, Padding);

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [of_input, of_weight] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (input, weight, stride, padding) = ops.state;
        let input = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(input);
        let weight = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(weight);
        if let Some(node) = of_input {
            let of_input = B::convolve_input_gradient(
                input.clone(),
                weight.clone(),
                gradient.clone(),
                stride,
                padding,
            );
            grads.register::<B>(node.id, of_input);
        }
        if let Some(node) = of_weight {
            let of_weight = B::convolve_weight_gradient(input, weight, gradient, stride, padding);
            grads.register::<B>(node.id, of_weight);
        }
    }
}

#[derive(Debug)]
struct BatchNormTrain;

impl<B: Backend + Kernels> Backward<B, 3> for BatchNormTrain {
    /// Input, γ, β; mean and variance; ε and the activation.
    type State = ([NodeId; 3], [B::FloatTensorPrimitive; 2], f64, Activation);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let (inputs, [mean, variance], epsilon, activation) = ops.state;
        let [input, gamma, beta] =
            inputs.map(|node| checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(node));
        let (of_input, of_gamma, of_beta) = B::fused_batch_norm_train_gradients(
            input, gamma, beta, mean, variance, gradient, epsilon, activation,
        );
        for (parent, gradient) in ops.parents.into_iter().zip([of_input, of_gamma, of_beta]) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

/// Batch normalisation with given statistics.
#[derive(Debug)]
struct BatchNorm;

impl<B: Backend + Kernels> Backward<B, 3> for BatchNorm {
    /// Input, γ, β; mean and variance; ε and the activation.
    type State = ([NodeId; 3], [B::FloatTensorPrimitive; 2], f64, Activation);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let (inputs, [mean, variance], epsilon, activation) = ops.state;
        let [input, gamma, beta] =
            inputs.map(|node| checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(node));
        let (of_input, of_gamma, of_beta) = B::fused_batch_norm_gradients(
            input, gamma, beta, mean, variance, gradient, epsilon, activation,
        );
        for (parent, gradient) in ops.parents.into_iter().zip([of_input, of_gamma, of_beta]) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Resize;

impl<B: Backend + Kernels> Backward<B, 1> for Resize {
    type State = (NodeId, usize, usize);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let gradient = grads.consume::<B>(&ops.node);
        let (input, rows, columns) = ops.state;
        let input = checkpointer.retrieve_node_output::<B::FloatTensorPrimitive>(input);
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<B>(node.id, B::resize_gradient(input, gradient, rows, columns));
        }
    }
}

#[derive(Debug)]
struct AddRelu;

impl<B: Backend + Kernels> Backward<B, 2> for AddRelu {
    /// The output.
    type State = B::FloatTensorPrimitive;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<B>(&ops.node);
        let gradient = B::add_relu_gradient(ops.state, gradient);
        for node in ops.parents.into_iter().flatten() {
            grads.register::<B>(node.id, gradient.clone());
        }
    }
}

impl<B: Backend + Kernels, C: CheckpointStrategy> Kernels for Autodiff<B, C> {
    fn convolve(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: Padding,
    ) -> FloatTensor<Self> {
        let prepared =
            Convolve.prepare::<C>([input.node(), weight.node()]).compute_bound().stateful();
        match prepared {
            OpsKind::Tracked(mut prepared) => {
                let state =
                    (prepared.checkpoint(&input), prepared.checkpoint(&weight), stride, padding);
                let output =
                    B::convolve(input.into_primitive(), weight.into_primitive(), stride, padding);
                prepared.finish(state, output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(B::convolve(
                input.into_primitive(),
                weight.into_primitive(),
                stride,
                padding,
            )),
        }
    }

    fn fused_batch_norm(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let prepared = BatchNorm
            .prepare::<C>([input.node(), gamma.node(), beta.node()])
            .compute_bound()
            .stateful();
        let statistics = [mean, variance].map(|tensor| tensor.into_primitive());
        let run = |input: FloatTensor<Self>, gamma: FloatTensor<Self>, beta: FloatTensor<Self>| {
            let [input, gamma, beta] = [input, gamma, beta].map(|tensor| tensor.into_primitive());
            let [mean, variance] = statistics.clone();
            B::fused_batch_norm(input, gamma, beta, mean, variance, epsilon, activation)
        };
        match prepared {
            OpsKind::Tracked(mut prepared) => {
                let inputs = [&input, &gamma, &beta].map(|tensor| prepared.checkpoint(tensor));
                let output = run(input, gamma, beta);
                prepared.finish((inputs, statistics, epsilon, activation), output)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(run(input, gamma, beta)),
        }
    }

    fn fused_batch_norm_train(
        input: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let prepared = BatchNormTrain
            .prepare::<C>([input.node(), gamma.node(), beta.node()])
            .compute_bound()
            .stateful();
        let run = |input: FloatTensor<Self>, gamma: FloatTensor<Self>, beta: FloatTensor<Self>| {
            let [input, gamma, beta] = [input, gamma, beta].map(|tensor| tensor.into_primitive());
            B::fused_batch_norm_train(input, gamma, beta, epsilon, activation)
        };
        let (output, mean, variance) = match prepared {
            OpsKind::Tracked(mut prepared) => {
                let inputs = [&input, &gamma, &beta].map(|tensor| prepared.checkpoint(tensor));
                let (output, mean, variance) = run(input, gamma, beta);
                let statistics = [mean.clone(), variance.clone()];
                (prepared.finish((inputs, statistics, epsilon, activation), output), mean, variance)
            }
            OpsKind::UnTracked(prepared) => {
                let (output, mean, variance) = run(input, gamma, beta);
                (prepared.finish(output), mean, variance)
            }
        };
        (output, FloatTensor::<Self>::new(mean), FloatTensor::<Self>::new(variance))
    }

    fn resize(input: FloatTensor<Self>, rows: usize, columns: usize) -> FloatTensor<Self> {
        match Resize.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prepared) => {
                let state = (prepared.checkpoint(&input), rows, columns);
                prepared.finish(state, B::resize(input.into_primitive(), rows, columns))
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(B::resize(input.into_primitive(), rows, columns))
            }
        }
    }

    fn add_relu(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = AddRelu.prepare::<C>([a.node(), b.node()]).compute_bound().stateful();
        let output = B::add_relu(a.into_primitive(), b.into_primitive());
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(output.clone(), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        }
    }
}
