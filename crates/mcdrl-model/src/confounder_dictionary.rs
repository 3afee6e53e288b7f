//! The confounder dictionary Z (paper section 3.3): one embedding for each named confounder.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::similarity::l2_normalize;

/// How training changes the dictionary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DictionaryLearning {
    /// The entries stay equal to the text embeddings.
    Frozen,
    /// Entries are trained with a pull towards their text: [`ConfounderDictionary::text_pull`].
    #[default]
    Tuned,
    /// Entries start as the centres of clustered source features. The nearest prompt names each of them. They are
    /// trained freely.
    Clustered,
}

/// The finite set of confounders that the back-door adjustment sums over.
#[derive(Module, Debug)]
pub struct ConfounderDictionary {
    /// Z: `[M, d]`, rows of unit length at the start.
    entries: Param<Tensor<2>>,
    /// The text embedding of each confounder, never trained: `[M, d]`.
    text: Param<Tensor<2>>,
    /// ln P(z): `[M]`, never trained.
    log_prior: Param<Tensor<1>>,
}

impl ConfounderDictionary {
    /// A dictionary of text embeddings with a uniform prior.
    ///
    /// - `texts`: `[M, d]`
    pub fn from_texts(texts: Tensor<2>, learning: DictionaryLearning) -> Self {
        let texts = l2_normalize(texts).detach();
        Self::new(texts.clone(), texts, learning)
    }

    /// A dictionary with given initial entries.
    ///
    /// - `entries`, `texts`: `[M, d]`
    pub fn new(entries: Tensor<2>, texts: Tensor<2>, learning: DictionaryLearning) -> Self {
        let count = entries.dims()[0];
        let device = entries.device();
        let uniform = Tensor::full([count], -(count as f32).ln(), &device);
        let trained = learning != DictionaryLearning::Frozen;
        Self {
            entries: Param::from_tensor(entries).set_require_grad(trained),
            text: Param::from_tensor(texts).set_require_grad(false),
            log_prior: Param::from_tensor(uniform).set_require_grad(false),
        }
    }

    /// A dictionary of `count` zero entries, for loading weights.
    pub fn zeros(
        count: usize,
        width: usize,
        learning: DictionaryLearning,
        device: &Device,
    ) -> Self {
        let zeros = Tensor::zeros([count, width], device);
        Self::new(zeros.clone(), zeros, learning)
    }

    /// The number of confounders M.
    pub fn confounders(&self) -> usize {
        self.entries.val().dims()[0]
    }

    /// Z: `[M, d]`.
    pub fn entries(&self) -> Tensor<2> {
        self.entries.val()
    }

    /// P(z): `[M]`, sums to one.
    pub fn prior(&self) -> Tensor<1> {
        self.log_prior.val().exp()
    }

    /// Replaces the prior, for example by the confounders' frequencies in the source sites.
    ///
    /// - `prior`: `[M]`, positive, sums to one
    pub fn with_prior(mut self, prior: Tensor<1>) -> Self {
        self.log_prior = Param::from_tensor(prior.log()).set_require_grad(false);
        self
    }

    /// Reorders the rows.
    pub fn permuted(&self, order: Tensor<1, burn::tensor::Int>) -> Self {
        let rows = |param: &Param<Tensor<2>>| {
            let permuted = param.val().detach().select(0, order.clone());
            Param::from_tensor(permuted).set_require_grad(param.val().is_require_grad())
        };
        let prior = self.log_prior.val().detach().select(0, order.clone());
        Self {
            entries: rows(&self.entries),
            text: rows(&self.text),
            log_prior: Param::from_tensor(prior).set_require_grad(false),
        }
    }

    /// Mean squared distance of the entries from their texts: `[1]`. As a term of the loss it keeps a tuned entry close
    /// to its name.
    pub fn text_pull(&self) -> Tensor<1> {
        (self.entries.val() - self.text.val()).square().sum_dim(1).mean()
    }
}
