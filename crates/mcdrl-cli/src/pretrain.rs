use std::path::PathBuf;

use clap::Args;
use mcdrl::clip::ClipCheckpoint;
use mcdrl::data::{Dataset, write_atomic};
use mcdrl::train::{LoadedSamples, PretrainConfig, pretrain};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::foundation_source::Encoders;
use crate::output::{Common, progress, say};

/// Pre-train a small CLIP on captions made from recorded factors.
#[derive(Args)]
pub struct Pretrain {
    /// A dataset folder. Can be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// The checkpoint to write.
    #[arg(long)]
    out: PathBuf,
    /// A TOML file that overrides the default configuration.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A site to leave out. Can be given more than once.
    #[arg(long)]
    leave_out: Vec<String>,
    #[command(flatten)]
    common: Common,
}

impl Pretrain {
    pub fn run(self) -> Outcome {
        let config: PretrainConfig = match &self.config {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
                toml::from_str(&text).map_err(Failure::file(path))?
            }
            None => PretrainConfig::default(),
        };
        if let Some(folder) = self.out.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::io(folder))?;
        }
        config.check()?;
        let probe = ClipCheckpoint::untrained(&config.architecture())?;
        let probe = Encoders::Clip("the CLIP".into(), probe);
        let device = probe.training_device(&self.common)?;
        let dataset = Dataset::open_all(&self.data)?;
        for site in &self.leave_out {
            dataset.site(site)?;
        }
        let samples: Vec<_> = dataset
            .samples()
            .filter(|sample| !self.leave_out.contains(&sample.site) && sample.factors.is_some())
            .cloned()
            .collect();
        let loaded = LoadedSamples::load(&dataset, &samples, config.input_size)?;
        let bytes = pretrain(&loaded, &dataset.profile, &config, &device, &mut *progress())?;
        write_atomic(&self.out, &bytes)?;
        if self.common.json {
            say!("{}", json!({ "clip": self.out.to_string_lossy(), "images": samples.len() }));
        } else {
            say!("{}: a CLIP trained on {} images", self.out.display(), samples.len());
        }
        Ok(())
    }
}
