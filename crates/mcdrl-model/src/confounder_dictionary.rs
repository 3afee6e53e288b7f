//! The confounder dictionary Z (paper section 3.3): one text embedding for each named confounder.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::similarity::l2_normalize;

/// The finite set of confounders that the back-door adjustment sums over. It is never trained: a name means what its words mean.
#[derive(Module, Debug)]
pub struct ConfounderDictionary {
    /// Z: centred text embeddings of unit length, `[M, text width]`.
    entries: Param<Tensor<2>>,
    /// The mean of the text embeddings. All prompts share a template; without the mean, they differ more. `[text width]`
    mean: Param<Tensor<1>>,
    /// P(z): none, then each confounder. `[M + 1]`
    prior: Param<Tensor<1>>,
    /// 1 for what the removal takes out, else 0: the usual state is no disturbance, and near and far move pixels. `[M]`
    acting: Param<Tensor<1>>,
}

impl ConfounderDictionary {
    /// A dictionary of text embeddings. Each confounder is as probable as none.
    ///
    /// - `texts`: `[M, text width]`
    pub fn from_texts(texts: Tensor<2>) -> Self {
        let [count, _] = texts.dims();
        let mean = texts.clone().mean_dim(0).squeeze_dim::<1>(0);
        let entries = centred(texts, mean.clone());
        let uniform = Tensor::full([count + 1], 1.0 / (count + 1) as f32, &mean.device());
        let acting = Tensor::ones([count], &mean.device());
        Self {
            entries: fixed(entries),
            mean: fixed(mean),
            prior: fixed(uniform),
            acting: fixed(acting),
        }
    }

    /// A dictionary of `count` zero entries, for loading weights.
    pub fn zeros(count: usize, text_width: usize, device: &Device) -> Self {
        Self {
            entries: fixed(Tensor::zeros([count, text_width], device)),
            mean: fixed(Tensor::zeros([text_width], device)),
            prior: fixed(Tensor::zeros([count + 1], device)),
            acting: fixed(Tensor::zeros([count], device)),
        }
    }

    /// The same dictionary with another prior.
    ///
    /// - `prior`: of none and of each confounder, `[M + 1]`, sums to one
    pub fn with_prior(self, prior: Tensor<1>) -> Self {
        Self { prior: fixed(prior), ..self }
    }

    /// The same dictionary, of which only some entries are removed.
    ///
    /// - `acting`: 1 or 0, `[M]`
    pub fn with_acting(self, acting: Tensor<1>) -> Self {
        Self { acting: fixed(acting), ..self }
    }

    /// The number of confounders M.
    pub fn confounders(&self) -> usize {
        self.entries.val().dims()[0]
    }

    /// Z: `[M, text width]`.
    pub fn entries(&self) -> Tensor<2> {
        self.entries.val()
    }

    /// P(z), of none and of each confounder: `[M + 1]`.
    pub fn prior(&self) -> Tensor<1> {
        self.prior.val()
    }

    /// 1 for what the removal takes out, else 0: `[M]`.
    pub fn acting(&self) -> Tensor<1> {
        self.acting.val()
    }

    /// The entries of other texts: centred by this dictionary's mean, of unit length.
    ///
    /// - `texts`, output: `[.., text width]`
    pub fn entries_of(&self, texts: Tensor<2>) -> Tensor<2> {
        centred(texts, self.mean.val())
    }
}

fn centred(texts: Tensor<2>, mean: Tensor<1>) -> Tensor<2> {
    l2_normalize(texts - mean.unsqueeze())
}

/// A parameter that is stored and never trained.
fn fixed<const D: usize>(tensor: Tensor<D>) -> Param<Tensor<D>> {
    Param::from_tensor(tensor.detach()).set_require_grad(false)
}
