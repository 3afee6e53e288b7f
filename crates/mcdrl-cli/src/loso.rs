use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mcdrl::clip::ClipCheckpoint;
use mcdrl::data::{Dataset, write_atomic};
use mcdrl::eval::{Difference, LosoReport, LosoRequest, LosoRun, Report, Variant, loso};
use mcdrl::train::{PretrainConfig, TrainConfig};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::foundation_source::{EncoderPaths, Encoders};
use crate::impose::share;
use crate::output::{Common, open_datasets, say, tell, tell_warnings};
use crate::train::read_config;

/// The default configuration for small sites. A run ends within half an hour on two cores.
const QUICK: &str = include_str!("loso.toml");

/// Run leave-one-site-out for the full method and its ablations.
#[derive(Args)]
pub struct Loso {
    /// A dataset folder. Can be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    encoders: EncoderPaths,
    /// A TOML file that overrides the training configuration. Without encoders, every fold pre-trains a small CLIP on its
    /// source sites, and the file overrides a short configuration for small sites.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A seed. Can be given more than once.
    #[arg(long, default_values_t = [7])]
    seed: Vec<u64>,
    /// Compare only this variant. Can be given more than once. Default: those of the paper's table.
    #[arg(long, value_parser = variant_parser())]
    variant: Vec<Variant>,
    /// Compare all variants, the controls included.
    #[arg(long, conflicts_with = "variant")]
    controls: bool,
    /// Leave out only this site. Can be given more than once.
    #[arg(long)]
    leave_out: Vec<String>,
    /// Also impose every confounder at this strength on images of the left-out site.
    #[arg(long, value_parser = share)]
    impose: Option<f32>,
    /// The number of training runs in parallel. Default: one per core.
    #[arg(long)]
    jobs: Option<usize>,
    /// The folder for loso.json, report.html and the trained models. A protocol that was interrupted there continues.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl Loso {
    pub fn run(self) -> Outcome {
        let dataset = open_datasets(&self.data)?;
        for site in &self.leave_out {
            dataset.site(site)?;
        }
        let encoders = self.encoders.read()?;
        let foundation =
            encoders.as_ref().map(|encoders| encoders.foundation(&dataset.profile)).transpose()?;
        let quick: QuickConfig =
            toml::from_str(QUICK).map_err(Failure::file(Path::new("loso.toml")))?;
        let config = match (&foundation, &self.config) {
            (Some(foundation), path) => read_config(path.as_deref(), foundation)?,
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
                let vision = quick.pretrain.architecture().vision;
                quick.train.with_toml(&text, &vision).map_err(Failure::file(path))?
            }
            (None, None) => quick.train,
        };
        let encoders = match encoders {
            Some(encoders) => encoders,
            None => {
                let untrained = ClipCheckpoint::untrained(&quick.pretrain.architecture())?;
                Encoders::Clip("the CLIP".into(), untrained)
            }
        };
        let device = encoders.training_device(&self.common)?;
        let all_sites = || dataset.sites.iter().map(|site| site.name.clone()).collect();
        let variants = match (self.controls, self.variant.is_empty()) {
            (true, _) => &Variant::ALL[..],
            (false, true) => &Variant::PAPER[..],
            (false, false) => &self.variant[..],
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let distinct = |sites: &[String]| {
            let sites: BTreeSet<&String> = sites.iter().collect();
            sites.into_iter().cloned().collect::<Vec<_>>()
        };
        let seeds: Vec<u64> =
            self.seed.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let request = LosoRequest {
            dataset: &dataset,
            foundation: foundation.as_ref(),
            pretrain: &quick.pretrain,
            config: &config,
            seeds: &seeds,
            variants,
            left_out: &if self.leave_out.is_empty() {
                all_sites()
            } else {
                distinct(&self.leave_out)
            },
            impose: self.impose,
            jobs: self.jobs.unwrap_or(cores),
            folder: Some(&self.out),
        };
        // Created now, so that a wrong path fails before hours of training.
        std::fs::create_dir_all(&self.out).map_err(Failure::io(&self.out))?;
        let report = loso(&request, &device, &|runs, total| {
            if let Some(run) = runs.last() {
                tell!(
                    "{}/{total}  seed {}  without {}: {} dice {:.3}",
                    runs.len(),
                    run.seed,
                    run.site,
                    run.variant.name(),
                    run.score.dice.mean.unwrap_or_default()
                );
            }
            if let Err(failure) = self.write_runs(runs, &config) {
                tell!("mcdrl: {failure}");
            }
        })?;
        tell_warnings(&dataset);
        self.write_runs(&report.runs, &config)?;
        self.write_report(&report, &dataset)?;
        if self.common.json {
            let (rows, differences) = (report.rows(), report.differences());
            say!("{}", json!({ "rows": rows, "differences": differences, "runs": report.runs }));
        } else {
            print_table(&report.rows());
            for Difference { variant, reference, lesion_dice } in report.differences() {
                say!("{} less {}: lesion dice {lesion_dice}", variant.name(), reference.name());
            }
        }
        Ok(())
    }

    fn write_runs(&self, runs: &[LosoRun], config: &TrainConfig) -> Outcome {
        let value = json!({ "config": config, "runs": runs });
        let text = serde_json::to_vec_pretty(&value).expect("scores are plain data");
        Ok(write_atomic(&self.out.join("loso.json"), &text)?)
    }

    fn write_report(&self, report: &LosoReport, dataset: &Dataset) -> Outcome {
        let title = "MCDRL leave-one-site-out";
        let seeds = self.seed.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let mut page = Report::new(
            title,
            &format!(
                "Each site in turn is the test site and is not trained on. Values are in per cent, the mean over sites ± the \
                 standard deviation over seeds ({seeds})."
            ),
        );
        report.write_to(&mut page, dataset)?;
        write_atomic(&self.out.join("report.html"), page.to_html(title).as_bytes())?;
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct QuickConfig {
    pretrain: PretrainConfig,
    train: TrainConfig,
}

fn variant_parser() -> impl TypedValueParser<Value = Variant> {
    PossibleValuesParser::new(Variant::ALL.map(Variant::name)).map(|name| {
        let named = Variant::ALL.into_iter().find(|variant| variant.name() == name);
        named.expect("the parser accepts only these names")
    })
}

fn print_table(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}"));
        say!("{}", cells.collect::<Vec<_>>().join("  "));
    }
}
