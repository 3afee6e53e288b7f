//! `mcdrl calibrate`.

use std::path::PathBuf;

use burn::tensor::Device;
use clap::Args;
use mcdrl::data::{Dataset, Sample, write_atomic};
use mcdrl::eval::evaluate;
use mcdrl::{DiceCalibration, Model, Segmenter};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::output::{Common, counter, say};

/// Fewer images say too little.
const FEWEST_IMAGES: usize = 20;

/// Learn from a hospital's labelled images how good a model's masks are there, so that the expected Dice is right.
#[derive(Args)]
pub struct Calibrate {
    /// A dataset folder. Can be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// The model file. It stays as it is.
    #[arg(long)]
    model: PathBuf,
    /// Use only this site. Can be given more than once.
    #[arg(long)]
    site: Vec<String>,
    /// The new model file.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Calibrate {
    pub fn run(self) -> Outcome {
        let bytes = std::fs::read(&self.model).map_err(Failure::io(&self.model))?;
        let mut model =
            Model::from_bytes(&bytes, &Device::flex()).map_err(Failure::file(&self.model))?;
        let dataset = Dataset::open_all(&self.data)?;
        for site in &self.site {
            dataset.site(site)?;
        }
        let wanted = |sample: &&Sample| self.site.is_empty() || self.site.contains(&sample.site);
        let samples: Vec<Sample> = dataset.samples().filter(wanted).cloned().collect();
        let precision = model.header.precision();
        model.header.expected_dice = DiceCalibration::default();
        let uncalibrated = model.to_bytes(precision);
        let segmenter = Segmenter::open_blocking(&uncalibrated, self.common.open_options())?;
        let count = counter("images", samples.len());
        let pairs: Vec<(f32, f64)> = evaluate(&segmenter, &dataset, &samples, count)?
            .images
            .iter()
            .filter_map(|image| Some((image.expected_dice, image.lesion.dice?)))
            .collect();
        if pairs.len() < FEWEST_IMAGES {
            return Err(Failure::Failed(format!(
                "{} images with a lesion are too few to calibrate on: give at least {FEWEST_IMAGES}",
                pairs.len()
            )));
        }
        let fitted = DiceCalibration::fit(&pairs).ok_or_else(|| {
            Failure::Failed(
                "the expected Dice says nothing about the true one on these images: look at them with `mcdrl evaluate --out`".into(),
            )
        })?;
        model.header.expected_dice = fitted;
        write_atomic(&self.out, &model.to_bytes(precision))?;
        let DiceCalibration { slope, offset } = fitted;
        let out = self.out.to_string_lossy();
        if self.common.json {
            say!("{}", json!({ "model": out, "slope": slope, "offset": offset }));
        } else {
            say!("{out}: slope {slope:.3}, offset {offset:.3} from {} images", pairs.len());
        }
        Ok(())
    }
}
