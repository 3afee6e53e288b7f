//! `mcdrl calibrate`.

use std::path::PathBuf;

use burn::tensor::Device;
use clap::Args;
use mcdrl::data::write_atomic;
use mcdrl::eval::{Evaluation, evaluate};
use mcdrl::{DiceCalibration, Model, Segmenter};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::output::{Common, counter, open_datasets, say, tell_warnings};

/// The limits for a sure region that are tried.
const SURE_REGIONS: [Option<f32>; 5] = [None, Some(0.9), Some(0.95), Some(0.98), Some(0.99)];

/// Fewer images say too little.
const FEWEST_IMAGES: usize = 20;

/// Learn from a hospital's labelled images how sure a region must be to count as a lesion, and how good the masks are, so that the
/// expected Dice is right.
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
        let dataset = open_datasets(&self.data)?;
        let samples = dataset.samples_of(&self.site)?;
        let precision = model.header.precision();
        model.header.expected_dice = DiceCalibration::default();
        let uncalibrated = model.to_bytes(precision);
        let mut segmenter = Segmenter::open_blocking(&uncalibrated, self.common.open_options())?;
        let mut best: Option<(f64, Option<f32>, Evaluation)> = None;
        for sure_region in SURE_REGIONS {
            segmenter = segmenter.with_sure_region(sure_region);
            let count = counter("images", samples.len());
            let found = evaluate(&segmenter, &dataset, &samples, count)?;
            let dice = found.total.lesion_dice_by_group.mean.unwrap_or_default();
            if best.as_ref().is_none_or(|(highest, ..)| dice > *highest) {
                best = Some((dice, sure_region, found));
            }
        }
        tell_warnings(&dataset);
        let (_, sure_region, evaluation) = best.expect("limits were tried");
        model.header.sure_region = sure_region;
        let pairs: Vec<(f32, f64)> = evaluation
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
            say!(
                "{}",
                json!({ "model": out, "slope": slope, "offset": offset, "sure_region": sure_region })
            );
        } else {
            let sure = sure_region.map_or("all".into(), |sure| format!("from {sure} on"));
            say!(
                "{out}: slope {slope:.3}, offset {offset:.3} from {} images; regions that count: {sure}",
                pairs.len()
            );
        }
        Ok(())
    }
}
