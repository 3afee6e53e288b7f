//! AdamW and its learning rate, the same for pre-training and training.

use std::f64::consts::PI;

use burn::grad_clipping::GradientClipping;
use burn::optim::{AdamWConfig, ModuleOptimizer};

/// As in PyTorch; Burn's own default of 1e-5 is as large as the gradients of a mean over pixels.
const EPSILON: f32 = 1e-8;

/// AdamW; every parameter's gradient is clipped to a norm of `clip_norm`, if that is positive.
pub fn adamw(weight_decay: f64, clip_norm: f64) -> ModuleOptimizer {
    let config = AdamWConfig::new().with_weight_decay(weight_decay as f32).with_epsilon(EPSILON);
    if clip_norm > 0.0 {
        config.init().with_grad_clipping(GradientClipping::Norm(clip_norm as f32))
    } else {
        config.init()
    }
}

/// The learning rate after `done` of `total` steps: a linear rise over the share `rise` of them to `highest`, under a
/// cosine that ends at zero.
pub fn learning_rate(highest: f64, done: usize, total: usize, rise: f64) -> f64 {
    let (done, total) = (done as f64, total as f64);
    let fall = 0.5 * (1.0 + (PI * done / total).cos());
    highest * fall * ((done + 1.0) / (rise * total).max(1.0)).min(1.0)
}
