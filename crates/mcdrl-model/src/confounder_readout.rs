//! The read-out of confounders: how much of each named confounder an image shows, and where.
//!
//! The dose of confounder m is κ_m = σ(a · cos(φ(X), W z_m) + b), per image and per position. φ describes the image, z_m is the
//! text embedding, and W is shared by all confounders. So a new word needs no new parameter.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};
use garde::Validate;
use mcdrl_kernels::{mix_channels, resize};
use serde::{Deserialize, Serialize};

use crate::fixed::fixed;
use crate::pixel_statistics::{STATISTICS, pixel_statistics};
use crate::similarity::l2_normalize;

/// The sizes of a [`ConfounderReadout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ConfounderReadoutConfig {
    /// Width of the space in which images and confounders are compared.
    #[garde(range(min = 1, max = 4096))]
    pub width: usize,
    /// Width inside the description of an image.
    #[garde(range(min = 1, max = 4096))]
    pub hidden: usize,
}

/// The read-out of confounders.
#[derive(Module, Debug)]
pub struct ConfounderReadout {
    /// φ of a position.
    local: Conv2d,
    /// φ of an image.
    describe: Linear,
    embed: Linear,
    /// W, for positions and for images.
    local_text: Linear,
    image_text: Linear,
    /// a and b, for positions and for images: `[2]` each.
    scale: Param<Tensor<1>>,
    offset: Param<Tensor<1>>,
    /// The logit of the presence is the first times the logit of the image's dose plus the second: `[2]`, never trained.
    presence: Param<Tensor<1>>,
}

/// The doses of the confounders, as logits.
#[derive(Clone, Debug)]
pub struct Doses {
    /// Of whole images: `[batch, M]`.
    pub image: Tensor<2>,
    /// Of whether a confounder is visible at all: `[batch, M]`.
    pub presence: Tensor<2>,
    /// Of positions: `[batch, M, rows, columns]`.
    pub local: Tensor<4>,
}

impl Default for ConfounderReadoutConfig {
    fn default() -> Self {
        Self { width: 96, hidden: 128 }
    }
}

impl ConfounderReadoutConfig {
    /// A read-out with random weights.
    ///
    /// - `channels`: of the maps that it reads, fine to coarse; at least two. Positions are read from all but the finest.
    /// - `text_width`: of the text embeddings
    pub fn init(
        &self,
        channels: &[usize],
        text_width: usize,
        device: &Device,
    ) -> ConfounderReadout {
        let statistics = 3 * channels.iter().sum::<usize>() + STATISTICS;
        let local: usize = channels[1..].iter().sum();
        let text = || LinearConfig::new(text_width, self.width).with_bias(false).init(device);
        let pair = |value| Initializer::Constant { value }.init([2], device);
        ConfounderReadout {
            local: Conv2dConfig::new([local, self.width], [1, 1]).init(device),
            describe: LinearConfig::new(statistics, self.hidden).init(device),
            embed: LinearConfig::new(self.hidden, self.width).init(device),
            local_text: text(),
            image_text: text(),
            // Steep enough to reach both ends of 0..1, and low at the start: most confounders are absent.
            scale: pair(8.0),
            offset: pair(-1.0),
            presence: fixed(Tensor::from_floats([1.0, 0.0], device)),
        }
    }
}

impl ConfounderReadout {
    /// The same read-out with a calibrated presence, whose logit is `slope` times the logit of the image's dose plus `offset`.
    pub fn with_presence(self, slope: f32, offset: f32) -> Self {
        let presence = Tensor::from_floats([slope, offset], &self.presence.val().device());
        Self { presence: fixed(presence), ..self }
    }

    /// Folds s ↦ scale · s + shift of the statistics into the first layer. Call it on a module without gradients.
    ///
    /// - `scale`, `shift`: of each statistic, `[statistics]`
    pub fn rescaled(mut self, scale: Tensor<1>, shift: Tensor<1>) -> Self {
        let Linear { weight, bias } = self.describe;
        let moved = shift.unsqueeze::<2>().matmul(weight.val()).squeeze_dim::<1>(0);
        self.describe = Linear {
            weight: weight.map(|weight| weight * scale.unsqueeze_dim(1)),
            bias: bias.map(|bias| bias.map(|bias| bias + moved)),
        };
        self
    }

    /// The doses of all confounders.
    ///
    /// - `pixels`: in -1..1, `[batch, 3, height, width]`
    /// - `maps`: fine to coarse, each `[batch, channels, rows, columns]`
    /// - `texts`: `[M, text width]`
    pub fn forward(&self, pixels: Tensor<4>, maps: &[Tensor<4>], texts: Tensor<2>) -> Doses {
        self.forward_statistics(Self::statistics(pixels, maps), maps, texts)
    }

    /// The description of an image begins with these: statistics of the pixels, and mean, spread and maximum of every map.
    /// `[batch, statistics]`. The arguments are those of [`Self::forward`].
    pub fn statistics(pixels: Tensor<4>, maps: &[Tensor<4>]) -> Tensor<2> {
        let mut parts = vec![pixel_statistics(pixels)];
        for map in maps {
            let [batch, channels, rows, columns] = map.dims();
            let values = map.clone().reshape([batch, channels, rows * columns]);
            let mean = values.clone().mean_dim(2);
            let spread = (values.clone() - mean.clone()).square().mean_dim(2).add_scalar(1e-6);
            let statistics = [mean, spread.sqrt(), values.max_dim(2)];
            parts.extend(statistics.map(|statistic| statistic.squeeze_dim::<2>(2)));
        }
        Tensor::cat(parts, 1)
    }

    /// The doses of all confounders.
    ///
    /// - `statistics`: those of [`Self::statistics`]. The other arguments are those of [`Self::forward`].
    pub fn forward_statistics(
        &self,
        statistics: Tensor<2>,
        maps: &[Tensor<4>],
        texts: Tensor<2>,
    ) -> Doses {
        let image = self.image_doses(statistics, texts.clone());
        let positions = self.describe_positions(maps);
        let [batch, width, rows, columns] = positions.dims();
        let positions = positions.reshape([batch, width, rows * columns]).swap_dims(1, 2);
        let local_text = l2_normalize(self.local_text.forward(texts));
        let confounders = local_text.dims()[0];
        let local = l2_normalize(positions).matmul(local_text.transpose().unsqueeze());
        let local = local * one(&self.scale, 1) + one(&self.offset, 1);
        let local = local.swap_dims(1, 2).reshape([batch, confounders, rows, columns]);
        let presence = image.clone() * one(&self.presence, 0) + one(&self.presence, 1);
        Doses { image, presence, local }
    }

    /// The doses of whole images, as logits: `[batch, M]`. The arguments are those of [`Self::forward_statistics`].
    pub fn image_doses(&self, statistics: Tensor<2>, texts: Tensor<2>) -> Tensor<2> {
        let described = self.embed.forward(relu(self.describe.forward(statistics)));
        let text = l2_normalize(self.image_text.forward(texts));
        let likeness = l2_normalize(described).matmul(text.transpose());
        likeness * one(&self.scale, 0) + one(&self.offset, 0)
    }

    /// The same read-out, whose part for positions does not learn.
    pub fn with_fixed_positions(mut self) -> Self {
        self.local = self.local.no_grad();
        self.local_text = self.local_text.no_grad();
        self
    }

    /// φ of the positions, from all maps but the finest, at the size of the second: `[batch, width, rows, columns]`.
    fn describe_positions(&self, maps: &[Tensor<4>]) -> Tensor<4> {
        let [_, _, rows, columns] = maps[1].dims();
        let (weight, mut first) = (self.local.weight.val().flatten::<2>(1, 3), 0);
        // Resizing and mixing channels commute, and coarse maps have few positions.
        let parts = maps[1..].iter().map(|map| {
            let [_, channels, _, _] = map.dims();
            let own = weight.clone().narrow(1, first, channels);
            first += channels;
            resize(mix_channels(map.clone(), own), [rows, columns])
        });
        let sum = parts.reduce(|sum, part| sum + part).expect("there are at least two maps");
        match &self.local.bias {
            Some(bias) => sum + bias.val().unsqueeze_dims::<4>(&[0, 2, 3]),
            None => sum,
        }
    }
}

/// One of the values, for every place of a tensor.
fn one<const D: usize>(values: &Param<Tensor<1>>, at: usize) -> Tensor<D> {
    values.val().narrow(0, at, 1).unsqueeze()
}

impl Doses {
    /// κ of each position: the dose of the image times that of the position. `[batch, M, rows, columns]`, 0..1
    pub fn maps(&self) -> Tensor<4> {
        sigmoid(self.image.clone()).unsqueeze_dims::<4>(&[2, 3]) * sigmoid(self.local.clone())
    }
}
