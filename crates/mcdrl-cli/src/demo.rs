use std::path::PathBuf;

use clap::Args;
use mcdrl::data::{LabelledImage, write_atomic};
use mcdrl::demo::DemoSample;
use mcdrl::eval::{Exhibit, Report};
use mcdrl::{Image, Mask};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::output::{Common, say};
use crate::segment::{describe, open_segmenter};

/// The place of the sample that has confounders imposed.
const SHOWN: usize = 3;

/// The strength of the imposed confounders.
const STRENGTH: f32 = 0.7;

/// Segment the bundled samples with the bundled model and write report.html.
#[derive(Args)]
pub struct Demo {
    /// The folder for report.html.
    #[arg(long, default_value = "mcdrl-demo")]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Demo {
    pub fn run(self) -> Outcome {
        let segmenter = open_segmenter(None, &self.common)?;
        let title = "MCDRL demonstration";
        let mut report = Report::new(
            title,
            "Each row shows a sample image, its truth, the mask of the embedded model, the regions that the text \
             prompts select, and the presence of each named confounder. The causal intervention removes the confounders' \
             influence before pixels are classified. The samples are synthetic, and the model was trained on real \
             pictures.",
        );
        report.legend(&segmenter.header().profile.classes);
        for sample in mcdrl::demo::SAMPLES {
            let labelled = labelled(sample)?;
            let segmentation = segmenter.segment(&labelled.image)?;
            report.gallery(&[Exhibit {
                title: format!("{}/{}", sample.site, sample.name),
                note: describe(&segmentation),
                truth: Some(&labelled),
                image: &labelled.image,
                segmentation: &segmentation,
            }])?;
        }
        report.heading("Each confounder imposed and removed");
        report.paragraph(&format!(
            "The same picture under each confounder at strength {STRENGTH}, and its mask without and with the causal \
             intervention."
        ));
        report.imposed_rows(&segmenter, &labelled(&mcdrl::demo::SAMPLES[SHOWN])?, STRENGTH)?;
        let provenance = &segmenter.header().provenance;
        report.heading("The model");
        report.paragraph(provenance["statement"].as_str().unwrap_or_default());
        std::fs::create_dir_all(&self.out).map_err(Failure::io(&self.out))?;
        let file = self.out.join("report.html");
        write_atomic(&file, report.to_html(title).as_bytes())?;
        if self.common.json {
            say!(
                "{}",
                json!({ "report": file.to_string_lossy(), "samples": mcdrl::demo::SAMPLES.len() })
            );
        } else {
            say!("{}: {} samples segmented", file.display(), mcdrl::demo::SAMPLES.len());
        }
        Ok(())
    }
}

fn labelled(sample: &DemoSample) -> Outcome<LabelledImage> {
    Ok(LabelledImage { image: Image::decode(sample.image)?, mask: Mask::decode(sample.mask)? })
}
