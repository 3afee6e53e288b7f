//! The confounder dictionary Z (paper section 3.3): one text embedding for each named confounder.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::fixed::fixed;
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

    /// The dictionary with these of its entries, in this order. The mean stays, because the read-out was trained with it.
    ///
    /// - `kept`: indices
    pub fn keeping(&self, kept: &[usize]) -> Self {
        let rows = |table: Tensor<2>| {
            let rows = kept.iter().map(|row| table.clone().narrow(0, *row, 1));
            Tensor::cat(rows.collect(), 0)
        };
        let prior: Vec<Tensor<1>> = std::iter::once(0)
            .chain(kept.iter().map(|row| row + 1))
            .map(|at| self.prior().narrow(0, at, 1))
            .collect();
        let prior = Tensor::cat(prior, 0);
        Self {
            entries: fixed(rows(self.entries())),
            mean: self.mean.clone(),
            prior: fixed(prior.clone() / prior.sum()),
            acting: fixed(rows(self.acting().unsqueeze_dim(1)).squeeze_dim(1)),
        }
    }

    /// The dictionary with another entry. The read-out sees it at once. The removal and the back-door sum leave it out, because
    /// nobody has tested what they would do.
    ///
    /// - `text`: `[1, text width]`
    pub fn with_added(&self, text: Tensor<2>) -> Self {
        let entry = self.entries_of(text);
        let zero = Tensor::zeros([1], &entry.device());
        Self {
            entries: fixed(Tensor::cat(vec![self.entries(), entry], 0)),
            mean: self.mean.clone(),
            prior: fixed(Tensor::cat(vec![self.prior(), zero.clone()], 0)),
            acting: fixed(Tensor::cat(vec![self.acting(), zero], 0)),
        }
    }

    /// Width of the text embeddings.
    pub fn text_width(&self) -> usize {
        self.entries().dims()[1]
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
