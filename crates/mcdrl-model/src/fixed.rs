//! Parameters that are stored and never trained.

use burn::module::Param;
use burn::tensor::Tensor;

/// A parameter that is stored and never trained.
pub fn fixed<const D: usize>(tensor: Tensor<D>) -> Param<Tensor<D>> {
    Param::from_tensor(tensor.detach()).set_require_grad(false)
}
