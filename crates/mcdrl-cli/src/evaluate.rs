use std::path::{Path, PathBuf};

use clap::Args;
use mcdrl::Segmenter;
use mcdrl::data::{Dataset, Sample, write_atomic};
use mcdrl::eval::{
    Evaluation, Exhibit, ImageScore, Stress, VisibleList, VisibleRow, evaluate, evaluation_report,
    robustness,
};
use mcdrl::synth::Rendition;
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::impose::share;
use crate::output::{Common, counter, open_datasets, say, tell, tell_warnings};
use crate::segment::{NOT_REDACTED, open_segmenter};
use crate::view::ViewOptions;

/// The most images whose features are compared with and without a confounder.
const COMPARED: usize = 32;

/// Evaluate a model on a dataset folder: per site, class and image.
#[derive(Args)]
pub struct Evaluate {
    /// A dataset folder. Can be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// The model file. Default: the embedded demonstration model.
    #[arg(long)]
    model: Option<PathBuf>,
    /// Evaluate only this site. Can be given more than once.
    #[arg(long)]
    site: Vec<String>,
    /// Also impose each confounder at this strength (0..1), and show what it costs and whether it is seen.
    #[arg(long, value_parser = share)]
    impose: Option<f32>,
    /// Use the renderers that training never uses.
    #[arg(long, requires = "impose")]
    held_back: bool,
    /// Also compare the presence of confounders with this list of images that show them: a CSV file with the columns confounder,
    /// site, image and visible (1 or 0).
    #[arg(long)]
    visible: Option<PathBuf>,
    /// The folder for evaluation.csv, evaluation.json and report.html, and with --impose for robustness.json.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Black out what is around the picture in the report's images: borders, panels, and the text in them. Text on the picture itself, or
    /// touching it, stays.
    #[arg(long, requires = "out")]
    redact: bool,
    #[command(flatten)]
    view: ViewOptions,
    #[command(flatten)]
    common: Common,
}

impl Evaluate {
    pub fn run(self) -> Outcome {
        let segmenter = self.view.apply(&open_segmenter(self.model.as_deref(), &self.common)?);
        let dataset = open_datasets(&self.data)?;
        let samples = dataset.samples_of(&self.site)?;
        let count = counter("images", samples.len());
        let evaluation = evaluate(&segmenter, &dataset, &samples, count)?;
        tell_warnings(&dataset);
        if let Some(out) = &self.out {
            self.write_reports(out, &segmenter, &dataset, &samples, &evaluation)?;
        }
        let robustness = match self.impose {
            Some(strength) => {
                let rendition =
                    if self.held_back { Rendition::HeldBack } else { Rendition::Trained };
                let stress = Stress { strength, rendition, compared: COMPARED };
                Some(robustness(&segmenter, &dataset, &samples, stress, |done, total| {
                    tell!("{done} of {total} passes under confounders");
                })?)
            }
            None => None,
        };
        let visible = match &self.visible {
            Some(list) => Some(VisibleList::read(list)?.compare(&segmenter, &dataset, &samples)?),
            None => None,
        };
        if let (Some(out), Some(robustness)) = (&self.out, &robustness) {
            let text = serde_json::to_vec_pretty(robustness).expect("plain data");
            write_atomic(&out.join("robustness.json"), &text)?;
        }
        if self.common.json {
            let mut line = json!({ "sites": evaluation.sites, "total": evaluation.total });
            if let Some(robustness) = robustness {
                line["robustness"] = serde_json::to_value(robustness).expect("plain data");
            }
            if let Some(visible) = visible {
                line["visible"] = serde_json::to_value(visible).expect("plain data");
            }
            say!("{line}");
        } else {
            say!("{}", evaluation.table().trim_end());
            if let Some(robustness) = robustness {
                say!("\n{}", robustness.table().trim_end());
            }
            if let Some(visible) = visible {
                say!("\n{}", VisibleRow::table(&visible).trim_end());
            }
        }
        Ok(())
    }

    fn write_reports(
        &self,
        out: &Path,
        segmenter: &Segmenter,
        dataset: &Dataset,
        samples: &[Sample],
        evaluation: &Evaluation,
    ) -> Outcome {
        std::fs::create_dir_all(out).map_err(Failure::io(out))?;
        write_atomic(&out.join("evaluation.csv"), evaluation.to_csv().as_bytes())?;
        let json = serde_json::to_vec_pretty(evaluation).expect("scores are plain data");
        write_atomic(&out.join("evaluation.json"), &json)?;
        let title = "MCDRL evaluation";
        let introduction = format!("{} images of {}", samples.len(), dataset.path.display());
        let mut report = evaluation_report(title, &introduction, evaluation);
        report.heading("Worst, median and best image of each site");
        report.legend(&segmenter.header().profile.classes);
        for score in remarkable(evaluation) {
            let sample = samples.iter().find(|s| s.site == score.site && s.name == score.name);
            let Some(sample) = sample else { continue };
            let mut labelled = dataset.load(sample)?;
            let segmentation = segmenter.segment(&labelled.image)?;
            if self.redact {
                match labelled.image.redacted() {
                    Some(redacted) => labelled.image = redacted,
                    None => tell!("mcdrl: {}: {NOT_REDACTED}", sample.label()),
                }
            }
            report.gallery(&[Exhibit {
                title: sample.label(),
                note: format!("Dice {:.3}", score.dice.unwrap_or_default()),
                truth: Some(&labelled),
                image: &labelled.image,
                segmentation: &segmentation,
            }])?;
        }
        write_atomic(&out.join("report.html"), report.to_html(title).as_bytes())?;
        Ok(())
    }
}

/// The images with the lowest, the median and the highest Dice of each site.
fn remarkable(evaluation: &Evaluation) -> Vec<&ImageScore> {
    let mut chosen = Vec::new();
    for site in &evaluation.sites {
        let of_site = |image: &&ImageScore| image.site == site.name && image.dice.is_some();
        let mut images: Vec<&ImageScore> = evaluation.images.iter().filter(of_site).collect();
        images.sort_by(|a, b| a.dice.unwrap_or_default().total_cmp(&b.dice.unwrap_or_default()));
        let mut places = vec![0, images.len() / 2, images.len().saturating_sub(1)];
        places.dedup();
        chosen.extend(places.into_iter().filter_map(|place| images.get(place).copied()));
    }
    chosen
}
