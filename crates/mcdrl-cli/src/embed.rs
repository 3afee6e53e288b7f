use std::path::PathBuf;

use burn::tensor::Tensor;
use clap::Args;
use mcdrl::clip::{ClipTokenizer, DenseFeatures, Preprocess};
use mcdrl::data::read_image;
use serde_json::json;

use crate::clip_source::{open_clip, read_clip};
use crate::error::{Failure, Outcome};
use crate::output::{Common, say};

/// Print CLIP embeddings of images and texts as JSON, in the joint space, not normalised.
#[derive(Args)]
pub struct Embed {
    /// The CLIP checkpoint: a safetensors file or a Hugging Face folder.
    #[arg(long)]
    clip: PathBuf,
    /// An image. Can be given more than once.
    #[arg(long, num_args = 1..)]
    image: Vec<PathBuf>,
    /// A text. Can be given more than once.
    #[arg(long, num_args = 1..)]
    text: Vec<String>,
    #[command(flatten)]
    common: Common,
}

impl Embed {
    pub fn run(self) -> Outcome {
        if self.image.is_empty() && self.text.is_empty() {
            return Err(Failure::Usage("give at least one --image or --text to embed".into()));
        }
        let checkpoint = read_clip(&self.clip)?;
        let clip = open_clip(&self.clip, &checkpoint, &self.common)?;
        let device = clip.logit_scale.val().device();
        let preprocess = Preprocess::clip(checkpoint.config.vision.image_size());
        let mut images = Vec::new();
        for path in &self.image {
            let pixels = preprocess.batch(&[&read_image(path)?], &device);
            let embedding = clip.visual.forward(pixels, DenseFeatures::ValuePath).pooled;
            images
                .push(json!({ "image": path.to_string_lossy(), "embedding": values(embedding)? }));
        }
        let tokenizer = ClipTokenizer::new();
        let mut texts = Vec::new();
        for text in &self.text {
            let embedding = tokenizer.embed(&clip, &[text]);
            let tokens = tokenizer.encode(text);
            texts.push(json!({ "text": text, "tokens": tokens, "embedding": values(embedding)? }));
        }
        say!("{}", json!({ "images": images, "texts": texts }));
        Ok(())
    }
}

fn values(tensor: Tensor<2>) -> Outcome<Vec<f32>> {
    let data = tensor.try_into_data().map_err(|e| Failure::Failed(format!("{e:?}")))?;
    data.try_to_vec().map_err(|e| Failure::Failed(format!("{e:?}")))
}
