use std::path::{Path, PathBuf};

use clap::Args;
use mcdrl::clip::{ClipCheckpoint, LiteCheckpoint};
use mcdrl::data::{Dataset, Sample, write_atomic};
use mcdrl::eval::word_test;
use mcdrl::train::{AlignConfig, LoadedSamples, PretrainConfig, align, pretrain};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::clip_source::read_sentence_encoder;
use crate::error::{Failure, Outcome};
use crate::foundation_source::{Encoders, lite_device};
use crate::output::{Common, open_datasets, progress, say};

/// The most images on which words are tested.
const TESTED: usize = 64;

/// Make a small CLIP: align two pre-trained encoders, or train one from nothing on captions made from recorded factors.
#[derive(Args)]
pub struct Pretrain {
    /// A dataset folder. Can be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// The visual encoder to align: EfficientNet-Lite, a PyTorch state dict (.pth).
    #[arg(long, requires = "text_encoder")]
    vision: Option<PathBuf>,
    /// The text encoder to align: the folder of a sentence encoder with config.json, tokenizer.json and model.safetensors.
    #[arg(long, requires = "vision")]
    text_encoder: Option<PathBuf>,
    /// The checkpoint to write.
    #[arg(long)]
    out: PathBuf,
    /// A TOML file that overrides the default configuration.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A site to leave out. Can be given more than once. An alignment is tested on it.
    #[arg(long)]
    leave_out: Vec<String>,
    #[command(flatten)]
    common: Common,
}

impl Pretrain {
    pub fn run(self) -> Outcome {
        if let Some(folder) = self.out.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::io(folder))?;
        }
        match (&self.vision, &self.text_encoder) {
            (Some(vision), Some(text_encoder)) => self.align(vision, text_encoder),
            _ => self.train_both(),
        }
    }

    fn align(&self, vision: &Path, text_encoder: &Path) -> Outcome {
        let config: AlignConfig = self.read_config()?;
        let dataset = self.open_data()?;
        config.check(&dataset.profile)?;
        let lite = LiteCheckpoint::from_state_dict(vision).map_err(Failure::file(vision))?;
        let sentences = read_sentence_encoder(text_encoder)?;
        let device = lite_device(vision, &lite, &self.common)?;
        let (kept, left_out): (Vec<Sample>, Vec<Sample>) =
            dataset.samples().cloned().partition(|sample| !self.leave_out.contains(&sample.site));
        let loaded = LoadedSamples::load(&dataset, &kept, 2 * config.input_size)?;
        let profile = &dataset.profile;
        let progress = &mut *progress();
        let aligned = align(&lite, &sentences, &loaded, profile, &config, &device, progress)?;
        write_atomic(&self.out, &aligned.to_safetensors())?;

        let step = left_out.len().div_ceil(TESTED).max(1);
        let images = left_out
            .iter()
            .step_by(step)
            .map(|sample| Ok(dataset.load(sample)?.image))
            .collect::<Outcome<Vec<_>>>()?;
        let test = match images.is_empty() {
            true => None,
            false => Some(word_test(&aligned, &images, profile, &config.unnamed, &device)?),
        };
        let out = self.out.to_string_lossy();
        if self.common.json {
            say!("{}", json!({ "clip": out, "images": kept.len(), "words": test }));
        } else {
            say!("{out}: two encoders aligned on {} images", kept.len());
            if let Some(test) = test {
                say!("{}", test.table());
            }
        }
        Ok(())
    }

    fn train_both(&self) -> Outcome {
        let config: PretrainConfig = self.read_config()?;
        config.check()?;
        let probe = ClipCheckpoint::untrained(&config.architecture())?;
        let probe = Encoders::Clip("the CLIP".into(), probe);
        let device = probe.training_device(&self.common)?;
        let dataset = self.open_data()?;
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

    fn open_data(&self) -> Outcome<Dataset> {
        let dataset = open_datasets(&self.data)?;
        for site in &self.leave_out {
            dataset.site(site)?;
        }
        Ok(dataset)
    }

    fn read_config<Config: DeserializeOwned + Default>(&self) -> Outcome<Config> {
        match &self.config {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
                toml::from_str(&text).map_err(Failure::file(path))
            }
            None => Ok(Config::default()),
        }
    }
}
