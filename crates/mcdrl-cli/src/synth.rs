use std::path::PathBuf;

use clap::Args;
use mcdrl::synth::{SynthConfig, site_name, write_dataset};
use serde_json::json;

use crate::error::Outcome;
use crate::output::{Common, counter, say};

/// Generate synthetic endoscopy sites as a dataset folder.
#[derive(Args)]
pub struct Synth {
    /// The folder to create; it must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Number of sites, each with its own camera.
    #[arg(long, default_value_t = 40)]
    sites: usize,
    /// Images per site.
    #[arg(long, default_value_t = 25)]
    images: usize,
    /// Side of the square images, pixels.
    #[arg(long, default_value_t = 128)]
    size: usize,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Share of images without a lesion.
    #[arg(long, default_value_t = 0.15)]
    lesion_free: f32,
    /// Tie confounders to sites: each site has its own mixture. Otherwise all confounders are drawn independently.
    #[arg(long)]
    tied: bool,
    #[command(flatten)]
    common: Common,
}

impl Synth {
    pub fn run(self) -> Outcome {
        let config = SynthConfig {
            sites: self.sites,
            images: self.images,
            size: self.size,
            seed: self.seed,
            lesion_free: self.lesion_free,
            tied: self.tied,
        };
        write_dataset(&config, &self.out, counter("frames", self.sites * self.images))?;
        let names: Vec<String> = (0..self.sites).map(site_name).collect();
        if self.common.json {
            let line = json!({ "data": self.out.to_string_lossy(), "sites": names, "images": self.images });
            say!("{line}");
        } else {
            say!("{}: {} sites of {} images", self.out.display(), self.sites, self.images);
        }
        Ok(())
    }
}
