use std::path::{Path, PathBuf};

use clap::Args;
use mcdrl::clip::{Weights, l2_normalize};
use mcdrl::data::write_atomic;
use mcdrl::{Precision, Profile};
use serde_json::json;

use crate::clip_source::OpenedClip;
use crate::dictionary_edit::Edits;
use crate::error::{Failure, Outcome};
use crate::output::{Common, say};

/// Build, show and compare confounder dictionaries. With --model: add, remove and rename words without retraining.
#[derive(Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["clip", "model"])))]
pub struct Dictionary {
    /// The CLIP checkpoint whose text encoder embeds the prompts.
    #[arg(long)]
    clip: Option<PathBuf>,
    /// The model whose words to change. --out names the new model.
    #[arg(long)]
    model: Option<PathBuf>,
    #[command(flatten)]
    edits: Edits,
    /// A profile in TOML. Default: the built-in endoscopy profile.
    #[arg(long)]
    prompts: Option<PathBuf>,
    /// The dictionary to write: safetensors with one named row for each confounder. With --model: the new model.
    #[arg(long)]
    out: Option<PathBuf>,
    /// A dictionary that this command wrote, to compare with.
    #[arg(long)]
    compare: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Dictionary {
    pub fn run(self) -> Outcome {
        match (&self.model, &self.clip) {
            (Some(model), _) => self.edits.run(model, self.out.as_deref(), &self.common),
            (None, Some(clip)) => self.build(clip),
            (None, None) => unreachable!("clap requires one of them"),
        }
    }

    fn build(&self, clip: &Path) -> Outcome {
        let profile = read_profile(self.prompts.as_deref())?;
        let clip = OpenedClip::open(clip, &self.common)?;
        let prompts = profile.confounder_prompts();
        let rows = l2_normalize(clip.texts(&prompts));
        let width = rows.dims()[1];
        let values: Vec<f32> = rows
            .try_into_data()
            .map_err(|e| Failure::Failed(format!("{e:?}")))?
            .try_to_vec()
            .map_err(|e| Failure::Failed(format!("{e:?}")))?;
        let row = |index: usize| &values[index * width..][..width];

        if let Some(out) = &self.out {
            let mut weights = Weights::default();
            for (index, confounder) in profile.confounders.iter().enumerate() {
                weights.insert(confounder.name.as_str(), vec![width], row(index).to_vec());
            }
            let header = serde_json::to_string(&profile).expect("a profile is plain data");
            weights.set_metadata("mcdrl-dictionary", header);
            write_atomic(out, &weights.to_safetensors(Precision::Full))?;
        }
        let other = self.compare.as_deref().map(read_dictionary).transpose()?;
        let entries: Vec<_> = profile
            .confounders
            .iter()
            .enumerate()
            .map(|(index, confounder)| {
                let nearest =
                    (0..profile.confounders.len()).filter(|other| *other != index).max_by(
                        |a, b| cosine(row(index), row(*a)).total_cmp(&cosine(row(index), row(*b))),
                    );
                json!({
                    "name": confounder.name,
                    "family": confounder.family,
                    "prompt": prompts[index],
                    "nearest": nearest.map(|other| json!({
                        "name": profile.confounders[other].name,
                        "cosine": cosine(row(index), row(other)),
                    })),
                    "compared": other.as_ref().and_then(|other| {
                        let theirs = other.values(&confounder.name)?;
                        (theirs.len() == width).then(|| cosine(row(index), theirs))
                    }),
                })
            })
            .collect();
        if self.common.json {
            say!("{}", json!({ "profile": profile.name, "width": width, "entries": entries }));
            return Ok(());
        }
        say!("{} confounders of {}, width {width}", entries.len(), profile.name);
        for entry in entries {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or("–").to_owned();
            say!(
                "{:<14}{:<24}nearest {:<14}{:>7.3}{}",
                text(&entry["name"]),
                text(&entry["family"]),
                text(&entry["nearest"]["name"]),
                entry["nearest"]["cosine"].as_f64().unwrap_or_default(),
                entry["compared"].as_f64().map_or(String::new(), |c| format!("  compared {c:.3}")),
            );
        }
        Ok(())
    }
}

fn read_profile(path: Option<&Path>) -> Outcome<Profile> {
    match path {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
            Profile::from_toml(&text).map_err(Failure::file(path))
        }
        None => Ok(Profile::endoscopy()),
    }
}

fn read_dictionary(path: &Path) -> Outcome<Weights> {
    let bytes = std::fs::read(path).map_err(Failure::io(path))?;
    Weights::from_safetensors(&bytes).map_err(Failure::file(path))
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-6)
}
