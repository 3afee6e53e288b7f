//! Words without retraining: a model whose dictionary has other words.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::Args;
use mcdrl::data::write_atomic;
use mcdrl::synth::Renderer;
use mcdrl::{Confounder, Model};
use serde_json::json;

use crate::clip_source::read_sentence_encoder;
use crate::error::{Failure, Outcome};
use crate::output::{Common, say};

/// The family of words that were added.
const FAMILY: &str = "added";

/// The changes.
#[derive(Args)]
pub struct Edits {
    /// Add a confounder in words, such as "smoke from cautery". Can be given more than once. Needs --text-encoder.
    #[arg(long, requires = "model")]
    add: Vec<String>,
    /// Remove the confounder of this name. Can be given more than once.
    #[arg(long, requires = "model")]
    remove: Vec<String>,
    /// Rename a confounder: OLD=NEW. What the read-out sees stays the same. Can be given more than once.
    #[arg(long, requires = "model")]
    rename: Vec<String>,
    /// The sentence encoder that the model was trained with: a folder with config.json, tokenizer.json and model.safetensors.
    #[arg(long, requires = "model")]
    text_encoder: Option<PathBuf>,
}

impl Edits {
    /// Writes the model at `path` with the changes to `out`.
    pub fn run(&self, path: &Path, out: Option<&Path>, common: &Common) -> Outcome {
        let out = out.ok_or_else(|| Failure::Usage("name the new model with --out".into()))?;
        let bytes = std::fs::read(path).map_err(Failure::io(path))?;
        let mut model = Model::from_bytes(&bytes, &Device::flex()).map_err(Failure::file(path))?;
        self.remove_words(&mut model)?;
        self.rename_words(&mut model)?;
        self.add_words(&mut model)?;
        model.header.profile.check().map_err(Failure::file(path))?;
        let precision = model.header.precision();
        write_atomic(out, &model.to_bytes(precision))?;
        let names: Vec<&String> =
            model.header.profile.confounders.iter().map(|confounder| &confounder.name).collect();
        if common.json {
            say!("{}", json!({ "model": out.to_string_lossy(), "confounders": names }));
        } else {
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            say!("{}: {}", out.display(), names.join(", "));
            for word in &self.add {
                say!("`{word}` is untested: nobody has measured how well it is seen");
            }
        }
        Ok(())
    }

    fn remove_words(&self, model: &mut Model) -> Outcome {
        for name in &self.remove {
            let place = place(model, name)?;
            let confounders = &mut model.header.profile.confounders;
            if let Some(other) = confounders
                .iter()
                .find(|c| c.complement_of.as_ref() == Some(name) && !self.remove.contains(&c.name))
            {
                return Err(Failure::Failed(format!(
                    "`{name}` cannot be removed alone: `{}` is its absence; remove both",
                    other.name
                )));
            }
            confounders.remove(place);
            if confounders.is_empty() {
                return Err(Failure::Failed("a model needs at least one confounder".into()));
            }
            let kept: Vec<usize> = (0..=confounders.len()).filter(|at| *at != place).collect();
            model.network.dictionary = model.network.dictionary.keeping(&kept);
        }
        Ok(())
    }

    fn rename_words(&self, model: &mut Model) -> Outcome {
        for pair in &self.rename {
            let Some((old, new)) = pair.split_once('=').filter(|(_, new)| !new.is_empty()) else {
                return Err(Failure::Usage(format!("--rename {pair}: write OLD=NEW")));
            };
            let place = place(model, old)?;
            let confounders = &mut model.header.profile.confounders;
            for confounder in confounders.iter_mut() {
                if confounder.complement_of.as_deref() == Some(old) {
                    confounder.complement_of = Some(new.into());
                }
            }
            let renamed = &mut confounders[place];
            // The renderer is found by the old name, if there is one.
            if old.parse::<Renderer>().is_ok() {
                renamed.renderer.get_or_insert_with(|| old.into());
            }
            (renamed.name, renamed.words) = (new.into(), None);
        }
        Ok(())
    }

    fn add_words(&self, model: &mut Model) -> Outcome {
        if self.add.is_empty() {
            return Ok(());
        }
        let Some(folder) = &self.text_encoder else {
            return Err(Failure::Usage("--add needs --text-encoder".into()));
        };
        let checkpoint = read_sentence_encoder(folder)?;
        let width = model.network.dictionary.text_width();
        if checkpoint.config.width != width {
            return Err(Failure::Failed(format!(
                "{}: its embeddings have {} values, but the model's dictionary has {width}; use the text encoder that the \
                 model was trained with",
                folder.display(),
                checkpoint.config.width
            )));
        }
        let encoder = checkpoint.init(&Device::flex()).map_err(Failure::file(folder))?;
        for word in &self.add {
            let profile = &mut model.header.profile;
            let prompt = profile.confounder_prompt.replace("{domain}", word);
            let text = checkpoint.embed(&encoder, &[prompt]);
            model.network.dictionary = model.network.dictionary.with_added(text);
            profile.confounders.push(Confounder {
                name: word.clone(),
                family: FAMILY.into(),
                domain: word.clone(),
                untested: true,
                ..Confounder::default()
            });
        }
        Ok(())
    }
}

/// The place of a confounder in the model's profile.
fn place(model: &Model, name: &str) -> Outcome<usize> {
    let confounders = &model.header.profile.confounders;
    confounders.iter().position(|confounder| confounder.name == name).ok_or_else(|| {
        let names: Vec<&str> = confounders.iter().map(|c| c.name.as_str()).collect();
        Failure::Failed(format!(
            "the model has no confounder `{name}`; it has {}",
            names.join(", ")
        ))
    })
}
