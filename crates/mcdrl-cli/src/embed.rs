use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use clap::Args;
use futures_lite::future::block_on;
use mcdrl::clip::{LiteCheckpoint, Preprocess};
use mcdrl::data::read_image;
use serde_json::{Value, json};

use crate::clip_source::{OpenedClip, read_sentence_encoder};
use crate::error::{Failure, Outcome};
use crate::output::{Common, say, tell_fallback};

/// Print embeddings of images and texts as JSON: by CLIP in its joint space, not normalised, or by pre-trained encoders.
#[derive(Args)]
pub struct Embed {
    /// The CLIP checkpoint: a safetensors file or a Hugging Face folder.
    #[arg(long, conflicts_with_all = ["vision", "text_encoder"])]
    clip: Option<PathBuf>,
    /// The weights of an EfficientNet-Lite (.pth). The embedding is the mean of its last map for the image at its own
    /// size.
    #[arg(long)]
    vision: Option<PathBuf>,
    /// The folder of a sentence encoder such as all-MiniLM-L6-v2. The embedding has unit length.
    #[arg(long)]
    text_encoder: Option<PathBuf>,
    /// An image. Can be given more than once.
    #[arg(long, num_args = 1..)]
    image: Vec<PathBuf>,
    /// A text. Can be given more than once.
    #[arg(long, num_args = 1..)]
    text: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// The entries of images and of texts in the JSON.
type Entries = (Vec<Value>, Vec<Value>);

impl Embed {
    pub fn run(self) -> Outcome {
        if self.image.is_empty() && self.text.is_empty() {
            return Err(Failure::Usage("give at least one --image or --text to embed".into()));
        }
        let (images, texts) = match &self.clip {
            Some(path) => self.by_clip(path)?,
            None => (self.by_vision()?, self.by_text_encoder()?),
        };
        say!("{}", json!({ "images": images, "texts": texts }));
        Ok(())
    }

    fn by_clip(&self, path: &Path) -> Outcome<Entries> {
        let clip = OpenedClip::open(path, &self.common)?;
        let images =
            self.image.iter().map(|path| image_entry(path, clip.image(&read_image(path)?)));
        let images = images.collect::<Outcome<_>>()?;
        let texts = self.text.iter().map(|text| {
            text_entry(text, clip.tokens(text), clip.texts(std::slice::from_ref(text)))
        });
        Ok((images, texts.collect::<Outcome<_>>()?))
    }

    fn by_vision(&self) -> Outcome<Vec<Value>> {
        if self.image.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.vision.as_deref().ok_or_else(|| {
            Failure::Usage("images need an encoder: give --clip or --vision".into())
        })?;
        let checkpoint = LiteCheckpoint::from_state_dict(path).map_err(Failure::file(path))?;
        let opened = block_on(checkpoint.open(self.common.open_options()));
        let (encoder, device) = opened.map_err(Failure::file(path))?;
        tell_fallback(&device);
        let preprocess = Preprocess::lite(224);
        let images = self.image.iter().map(|path| {
            let pixels = preprocess.unscaled(&read_image(path)?, &encoder.device());
            image_entry(path, encoder.pooled(pixels))
        });
        images.collect()
    }

    fn by_text_encoder(&self) -> Outcome<Vec<Value>> {
        if self.text.is_empty() {
            return Ok(Vec::new());
        }
        let path = self.text_encoder.as_deref().ok_or_else(|| {
            Failure::Usage("texts need an encoder: give --clip or --text-encoder".into())
        })?;
        let checkpoint = read_sentence_encoder(path)?;
        let opened = block_on(checkpoint.open(self.common.open_options()));
        let (encoder, device) = opened.map_err(Failure::file(path))?;
        tell_fallback(&device);
        let texts = self.text.iter().map(|text| {
            text_entry(text, checkpoint.encode(text), checkpoint.embed(&encoder, &[text]))
        });
        texts.collect()
    }
}

fn image_entry(path: &Path, embedding: Tensor<2>) -> Outcome<Value> {
    Ok(json!({ "image": path.to_string_lossy(), "embedding": values(embedding)? }))
}

fn text_entry(text: &str, tokens: impl serde::Serialize, embedding: Tensor<2>) -> Outcome<Value> {
    Ok(json!({ "text": text, "tokens": tokens, "embedding": values(embedding)? }))
}

fn values(tensor: Tensor<2>) -> Outcome<Vec<f32>> {
    let data = tensor.try_into_data().map_err(|e| Failure::Failed(format!("{e:?}")))?;
    data.try_to_vec().map_err(|e| Failure::Failed(format!("{e:?}")))
}
