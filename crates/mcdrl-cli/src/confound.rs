//! `mcdrl confound`.

use std::path::PathBuf;

use clap::Args;
use mcdrl::synth::{Confounding, Renderer, write_confounded};
use serde_json::json;

use crate::error::Outcome;
use crate::impose::share;
use crate::output::{counter, open_datasets, say, tell_warnings};

/// Copy a dataset folder and tie a confounder to its lesions, to test whether a model falls for it.
#[derive(Args)]
pub struct Confound {
    /// A dataset folder.
    #[arg(long)]
    data: PathBuf,
    /// Copy only this site. Can be given more than once.
    #[arg(long)]
    site: Vec<String>,
    /// The confounder.
    #[arg(long)]
    confounder: Renderer,
    /// How closely it is tied: it lies on the lesion with probability (1 + ρ)/2, -1 to 1. In a picture without a lesion it lies
    /// anywhere.
    #[arg(long, allow_negative_numbers = true, value_parser = correlation)]
    rho: f64,
    /// Its strength, 0 (nothing) to 1.
    #[arg(long, default_value_t = 0.8, value_parser = share)]
    strength: f32,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// The folder to create; it must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

impl Confound {
    pub fn run(self) -> Outcome {
        let confounding = Confounding::new(self.confounder, self.strength, self.rho)?;
        let dataset = open_datasets(std::slice::from_ref(&self.data))?;
        let samples = dataset.samples_of(&self.site)?;
        let count = counter("images", samples.len());
        write_confounded(&dataset, &samples, &confounding, self.seed, &self.out, count)?;
        tell_warnings(&dataset);
        let out = self.out.to_string_lossy();
        if self.json {
            let line = json!({ "data": out, "confounder": self.confounder.name(), "rho": self.rho, "images": samples.len() });
            say!("{line}");
        } else {
            say!(
                "{out}: {} tied to the lesions of {} images, ρ = {}",
                self.confounder,
                samples.len(),
                self.rho
            );
        }
        Ok(())
    }
}

/// Reads a number between -1 and 1.
fn correlation(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (-1.0..=1.0).contains(&value) { Ok(value) } else { Err("must lie between -1 and 1".into()) }
}
