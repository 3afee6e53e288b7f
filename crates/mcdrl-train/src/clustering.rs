//! A dictionary from clustered image features (the variant `Clustered`).

use burn::tensor::{Device, Int, Tensor, TensorData};
use mcdrl_model::clip::{Clip, DenseFeatures};
use mcdrl_model::l2_normalize;
use mcdrl_runtime::Preprocess;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::samples::LoadedSamples;

/// Rounds of k-means. The centres are only a start that training tunes.
const ROUNDS: usize = 20;

/// The image embeddings of the samples, of unit length: `[images, d]`.
pub fn image_features(clip: &Clip, samples: &LoadedSamples, size: usize) -> Tensor<2> {
    let preprocess = Preprocess::clip(size);
    let indices: Vec<usize> = (0..samples.len()).collect();
    let features = indices.chunks(16).map(|chunk| {
        let images: Vec<_> = chunk.iter().map(|index| &samples.get(*index).0.image).collect();
        let pixels = preprocess.batch(&images, &Device::flex());
        clip.visual.forward(pixels, DenseFeatures::ValuePath).pooled
    });
    l2_normalize(Tensor::cat(features.collect(), 0))
}

/// Spherical k-means with as many centres as texts. Every text gets the nearest free centre, the closest pairs first.
/// With fewer images than texts, returns the texts.
///
/// - `features`: `[images, d]`, `texts`: `[M, d]`, both of unit length
/// - output: `[M, d]`
pub fn cluster(features: Tensor<2>, texts: Tensor<2>, seed: u64) -> Tensor<2> {
    let [images, _] = features.dims();
    let [count, width] = texts.dims();
    if images < count {
        return texts;
    }
    let device = features.device();
    let mut chosen: Vec<i32> = (0..images as i32).collect();
    chosen.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    chosen.truncate(count);
    let chosen = Tensor::<1, Int>::from_data(TensorData::new(chosen, [count]), &device);
    let mut centres = features.clone().select(0, chosen);
    for _ in 0..ROUNDS {
        let nearest = features.clone().matmul(centres.clone().transpose()).argmax(1);
        let member: Tensor<2> = nearest.squeeze_dim::<1>(1).one_hot::<2>(count).float();
        let sums = member.clone().transpose().matmul(features.clone());
        let empty = member.sum_dim(0).transpose().lower_elem(0.5);
        let moved = l2_normalize(sums);
        centres = moved.mask_where(empty.expand([count, width]), centres);
    }
    let scores: Vec<f32> = texts
        .matmul(centres.clone().transpose())
        .into_data()
        .try_to_vec()
        .expect("similarities are f32");
    let mut pairs: Vec<(usize, usize)> =
        (0..count * count).map(|i| (i / count, i % count)).collect();
    pairs.sort_by(|a, b| scores[b.0 * count + b.1].total_cmp(&scores[a.0 * count + a.1]));
    let mut given = vec![None; count];
    for (text, centre) in pairs {
        if given[text].is_none() && !given.contains(&Some(centre)) {
            given[text] = Some(centre);
        }
    }
    let order: Vec<i32> = given.into_iter().flatten().map(|centre| centre as i32).collect();
    centres.select(0, Tensor::from_data(TensorData::new(order, [count]), &device))
}
