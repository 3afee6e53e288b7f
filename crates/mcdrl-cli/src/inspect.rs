use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::Args;
use mcdrl::data::Dataset;
use mcdrl::{Error, Model};
use serde_json::{Value, json};

use crate::clip_source::{ClipFile, read_clip};
use crate::error::{Failure, Outcome};
use crate::output::{Common, say};

/// Describe a model, a CLIP checkpoint or a dataset.
#[derive(Args)]
pub struct Inspect {
    /// A model file, a CLIP file or folder, or a dataset folder.
    path: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Inspect {
    pub fn run(self) -> Outcome {
        let found = if self.path.is_dir() && !self.path.join("model.safetensors").is_file() {
            inspect_dataset(&self.path)?
        } else {
            inspect_file(&self.path)?
        };
        if self.common.json {
            say!("{found}");
        } else {
            let text = serde_json::to_string_pretty(&found).expect("a description is plain data");
            say!("{text}");
        }
        Ok(())
    }
}

fn inspect_dataset(path: &Path) -> Outcome<Value> {
    let dataset = Dataset::open(path)?;
    let mut sites = serde_json::Map::new();
    for site in &dataset.sites {
        let mut lesions = 0;
        for sample in &site.samples {
            let labelled = dataset.load(sample)?;
            lesions += usize::from(labelled.mask.classes().iter().any(|class| *class != 0));
        }
        let recorded = site.samples.iter().filter(|sample| sample.factors.is_some()).count();
        let about = json!({
            "images": site.samples.len(),
            "with_lesion": lesions,
            "with_recorded_factors": recorded,
        });
        sites.insert(site.name.clone(), about);
    }
    Ok(json!({ "kind": "dataset", "classes": dataset.profile.classes, "sites": sites }))
}

fn inspect_file(path: &Path) -> Outcome<Value> {
    let device = &Device::flex();
    let file = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
    let bytes = std::fs::read(&file).map_err(Failure::io(&file))?;
    match Model::from_bytes(&bytes, device) {
        Ok(model) => {
            let mut header = model.to_json();
            // The reference answer has hundreds of numbers, so only its presence is shown.
            header["check"] = model.header.check.is_some().into();
            return Ok(json!({ "kind": "model", "header": header }));
        }
        Err(Error::NotAModel) => {}
        Err(error) => return Err(Failure::file(&file)(error)),
    }
    let clip = match read_clip(path)? {
        ClipFile::Clip(clip) => clip,
        ClipFile::Aligned(aligned) => {
            aligned.init(device).map_err(Failure::file(path))?;
            return Ok(json!({
                "kind": "clip",
                "layout": "aligned",
                "vision": aligned.lite.version,
                "embed_dim": aligned.embed_dim,
                "provenance": aligned.provenance,
            }));
        }
    };
    clip.init(device).map_err(Failure::file(path))?;
    let layout = if clip.is_hugging_face() { "Hugging Face" } else { "OpenAI" };
    Ok(json!({
        "kind": "clip",
        "layout": layout,
        "values": clip.num_values(),
        "config": serde_json::to_value(&clip.config).expect("a config is plain data"),
    }))
}
