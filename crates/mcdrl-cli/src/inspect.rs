use std::cell::OnceCell;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::Args;
use mcdrl::data::{Dataset, Inspection, SiteInspection, write_atomic};
use mcdrl::eval::inspection_report;
use mcdrl::{Error, Model};
use serde_json::{Value, json};

use crate::clip_source::{ClipFile, read_clip};
use crate::error::{Failure, Outcome};
use crate::output::{Bar, Common, say};

/// Describe a model, a CLIP checkpoint or a dataset.
#[derive(Args)]
pub struct Inspect {
    /// A model file, a CLIP file or folder, or a dataset folder.
    path: PathBuf,
    /// Write a report of a dataset, with the pictures that its faults and warnings are about, to this HTML file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Inspect {
    pub fn run(self) -> Outcome {
        if self.path.is_dir() && !self.path.join("model.safetensors").is_file() {
            return self.inspect_dataset();
        }
        if self.report.is_some() {
            let text = "--report is for dataset folders; leave it out for a model or checkpoint";
            return Err(Failure::Usage(text.into()));
        }
        let found = inspect_file(&self.path)?;
        if self.common.json {
            say!("{found}");
        } else {
            let text = serde_json::to_string_pretty(&found).expect("a description is plain data");
            say!("{text}");
        }
        Ok(())
    }

    fn inspect_dataset(&self) -> Outcome {
        let bar = OnceCell::new();
        let (dataset, found) = Dataset::inspect(&self.path, |_, total| {
            bar.get_or_init(|| Bar::new("images", total, 0)).step();
        })?;
        if let Some(bar) = bar.get() {
            bar.clear();
        }
        if let Some(file) = &self.report {
            let title = self.path.display().to_string();
            let report = inspection_report(&title, &dataset, &found)?;
            write_atomic(file, report.to_html(&title).as_bytes())?;
        }
        let classes = &dataset.profile.classes;
        if self.common.json {
            say!(
                "{}",
                json!({
                    "kind": "dataset",
                    "classes": classes,
                    "sites": found.sites,
                    "faults": found.faults,
                    "warnings": found.warnings,
                })
            );
        } else {
            say!("{}", table(&found));
        }
        match found.faults.len() {
            0 => Ok(()),
            1 => Err(Failure::Failed("the dataset has a fault".into())),
            faults => Err(Failure::Failed(format!("the dataset has {faults} faults"))),
        }
    }
}

/// A row for each site, then the faults and the warnings.
fn table(found: &Inspection) -> String {
    let mut text =
        String::from("site                  images  lesions  groups  held out  mask values\n");
    for (name, site) in &found.sites {
        let values: Vec<&str> =
            site.mask_values.keys().map(String::as_str).take(SHOWN_VALUES).collect();
        let more = if site.mask_values.len() > SHOWN_VALUES { ", …" } else { "" };
        let SiteInspection { images, with_lesion, groups, held_out, .. } = site;
        let values = values.join(", ");
        let _ = writeln!(
            text,
            "{name:<20}  {images:>6}  {with_lesion:>7}  {groups:>6}  {held_out:>8}  {values}{more}"
        );
    }
    for (title, sentences) in [("Faults", &found.faults), ("Warnings", &found.warnings)] {
        if !sentences.is_empty() {
            let _ = writeln!(text, "\n{title}: {}", sentences.len());
            sentences.iter().for_each(|finding| text.push_str(&format!("- {finding}\n")));
        }
    }
    text.trim_end().into()
}

/// The values of masks that the table shows.
const SHOWN_VALUES: usize = 8;

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
