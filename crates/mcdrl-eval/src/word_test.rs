//! Whether an aligned CLIP understands words: the same images with and without a confounder, and phrases for it.

use burn::tensor::{DType, Device, Tensor};
use mcdrl_image::{Image, Mask};
use mcdrl_model::clip::ProjectedLite;
use mcdrl_model::l2_normalize;
use mcdrl_runtime::{AlignedCheckpoint, Preprocess, Profile};
use mcdrl_synth::{Renderer, Rendition};
use mcdrl_train::Imposable;
use serde::Serialize;

use crate::Result;
use crate::metrics::auroc;

/// Images in a forward pass.
const BATCH: usize = 8;

/// A phrase without a meaning.
const NONSENSE: &str = "a flurbish grommet wizzle";

/// The strength of the imposed confounders.
const STRENGTH: f32 = 0.7;

/// How well phrases name the imposed confounders.
#[derive(Clone, Debug, Serialize)]
pub struct WordTest {
    /// The number of images.
    pub images: usize,
    /// One row for each confounder that can be imposed.
    pub confounders: Vec<WordRow>,
}

/// Areas under the ROC curve of cos(image, phrase): images under the confounder against the same images unchanged.
#[derive(Clone, Debug, Serialize)]
pub struct WordRow {
    /// The confounder's name.
    pub name: String,
    /// Whether captions named it.
    pub named: bool,
    /// Of the profile's words.
    pub domain: Option<f64>,
    /// Of words that no caption has; `None` if the profile names none.
    pub held_back: Option<f64>,
    /// A control: the words of another confounder, the most similar ones.
    pub nearest: Option<f64>,
    /// A control: a phrase without a meaning.
    pub nonsense: Option<f64>,
}

/// Tests the words of a profile on images.
///
/// - `unnamed`: the confounders that no caption named
///
/// # Errors
/// If the checkpoint lacks a tensor, or the profile names an unknown renderer.
pub fn word_test(
    checkpoint: &AlignedCheckpoint,
    images: &[Image],
    profile: &Profile,
    unnamed: &[String],
    device: &Device,
) -> Result<WordTest> {
    let clip = checkpoint.init(&Device::flex())?;
    let visual = checkpoint.init(device)?.visual;
    let embed = |texts: &[String]| rows(l2_normalize(checkpoint.embed(&clip, texts)));
    let domains: Vec<String> = profile.confounders.iter().map(|c| c.domain.clone()).collect();
    let by_domain = embed(&domains);
    let nonsense = embed(&[NONSENSE.to_owned()]).remove(0);
    let sentences = rows(checkpoint.sentences.embed(&clip.sentences, &domains));
    let preprocess = Preprocess::lite(checkpoint.input_size);
    let embed_images = |renderer| embed_images(&visual, &preprocess, images, renderer, device);
    let clean = embed_images(None);
    let is_named = |index: usize| !unnamed.contains(&profile.confounders[index].name);

    let mut confounders = Vec::new();
    for (index, renderer) in Imposable::of(profile)?.renderers() {
        let changed = embed_images(Some(*renderer));
        let score = |phrase: &[f32]| {
            let of = |images: &[Vec<f32>]| -> Vec<f32> {
                images.iter().map(|image| dot(image, phrase)).collect()
            };
            auroc(&of(&changed), &of(&clean))
        };
        let likeness = |other: &usize| dot(&sentences[*index], &sentences[*other]);
        let nearest = (0..domains.len())
            .filter(|other| other != index && is_named(*other))
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let held_back = profile.confounders[*index].held_back.clone();
        confounders.push(WordRow {
            name: profile.confounders[*index].name.clone(),
            named: is_named(*index),
            domain: score(&by_domain[*index]),
            held_back: held_back.and_then(|words| score(&embed(&[words])[0])),
            nearest: nearest.and_then(|other| score(&by_domain[other])),
            nonsense: score(&nonsense),
        });
    }
    Ok(WordTest { images: images.len(), confounders })
}

impl WordTest {
    /// A table for a terminal: one line for each confounder, then the means.
    pub fn table(&self) -> String {
        let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.2}"));
        let mut table = format!(
            "{:<16}{:>8}{:>12}{:>10}{:>10}   AUROC on {} images\n",
            "confounder", "domain", "held back", "nearest", "nonsense", self.images
        );
        let mut line = |name: &str, values: [Option<f64>; 4]| {
            let [domain, held_back, nearest, nonsense] = values.map(number);
            table.push_str(&format!(
                "{name:<16}{domain:>8}{held_back:>12}{nearest:>10}{nonsense:>10}\n"
            ));
        };
        for row in &self.confounders {
            let mark = if row.named { "" } else { " (unnamed)" };
            line(&format!("{}{mark}", row.name), row.values());
        }
        let mean = |column: usize| {
            let values: Vec<f64> =
                self.confounders.iter().filter_map(|row| row.values()[column]).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        line("mean", [0, 1, 2, 3].map(mean));
        table
    }
}

impl WordRow {
    fn values(&self) -> [Option<f64>; 4] {
        [self.domain, self.held_back, self.nearest, self.nonsense]
    }
}

/// The embeddings of images, of unit length.
fn embed_images(
    visual: &ProjectedLite,
    preprocess: &Preprocess,
    images: &[Image],
    renderer: Option<Renderer>,
    device: &Device,
) -> Vec<Vec<f32>> {
    let mut found = Vec::new();
    for (number, chunk) in images.chunks(BATCH).enumerate() {
        let change = |(at, image): (usize, &Image)| match renderer {
            Some(renderer) => {
                let (width, height) = (image.width(), image.height());
                let mask = Mask::from_classes(width, height, vec![0; width * height])
                    .expect("the size is that of an image");
                let seed = (number * BATCH + at) as u64;
                renderer.impose(image, &mask, STRENGTH, seed, Rendition::Trained).image
            }
            None => image.clone(),
        };
        let changed: Vec<Image> = chunk.iter().enumerate().map(change).collect();
        let pixels = preprocess.batch(&changed.iter().collect::<Vec<_>>(), device);
        found.extend(rows(l2_normalize(visual.forward(pixels).pooled)));
    }
    found
}

fn rows(table: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, width] = table.dims();
    let values: Vec<f32> =
        table.into_data_dtype(DType::F32).try_to_vec().expect("converted to f32 just now");
    values.chunks_exact(width).map(<[f32]>::to_vec).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
