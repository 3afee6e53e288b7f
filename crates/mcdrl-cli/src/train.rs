use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use mcdrl::Precision;
use mcdrl::data::{Dataset, Sample, hold_out_groups, write_atomic};
use mcdrl::train::{
    Foundation, LONGEST_SCENE, LoadedSamples, TrainConfig, TrainRequest, remove_checkpoints, train,
};
use serde_json::{Value, json};

use crate::error::{Failure, Outcome};
use crate::foundation_source::EncoderPaths;
use crate::output::{Common, open_datasets, progress, say, tell, tell_warnings};

/// Train a segmenter.
#[derive(Args)]
pub struct Train {
    /// A dataset folder. Can be given more than once.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    encoders: EncoderPaths,
    /// A TOML file that overrides the default configuration.
    #[arg(long)]
    config: Option<PathBuf>,
    /// A site to leave out. Can be given more than once.
    #[arg(long)]
    leave_out: Vec<String>,
    /// The run's folder: model.safetensors, and checkpoints during training.
    #[arg(long)]
    out: PathBuf,
    /// Continue the unfinished run in the folder.
    #[arg(long)]
    resume: bool,
    /// A note for the model file about the training data, its licences and the model's purpose.
    #[arg(long, default_value = "")]
    note: String,
    /// Store the model in half precision.
    #[arg(long)]
    half: bool,
    #[command(flatten)]
    common: Common,
}

impl Train {
    pub fn run(self) -> Outcome {
        let file = self.out.join("model.safetensors");
        if file.exists() {
            let shown = file.display();
            if self.resume {
                say!("{shown}: the run is finished");
                return Ok(());
            }
            let problem = format!("{shown}: there is a finished run here; choose another folder");
            return Err(Failure::Failed(problem));
        }
        let Some(encoders) = self.encoders.read()? else {
            let problem =
                "name what to start from: --vision with --text-encoder, --clip, or --from";
            return Err(Failure::Usage(problem.into()));
        };
        let dataset = open_datasets(&self.data)?;
        let foundation = encoders.foundation(&dataset.profile)?;
        let config = read_config(self.config.as_deref(), &foundation)?;
        let device = encoders.training_device(&self.common)?;
        for site in &self.leave_out {
            dataset.site(site)?;
        }
        let samples: Vec<Sample> = dataset
            .samples()
            .filter(|sample| !self.leave_out.contains(&sample.site))
            .cloned()
            .collect();
        let split = hold_out_groups(&samples, config.data.validation, config.seed);
        if config.data.validation > 0.0 && split.test.is_empty() {
            tell!(
                "the images of each site form one group, so validation has no images and the last epoch is kept"
            );
        }
        let load = |samples| LoadedSamples::load(&dataset, samples, LONGEST_SCENE);
        let (training, validation) = (load(&split.train)?, load(&split.test)?);
        tell_warnings(&dataset);
        let request = TrainRequest {
            foundation: &foundation,
            profile: foundation.profile(&dataset.profile),
            train: &training,
            validation: &validation,
            data: samples.iter().map(Sample::label).collect::<Vec<_>>().join("\n"),
            config: &config,
            provenance: self.provenance(&dataset, &samples),
        };
        let mut progress = progress();
        let model = train(&request, Some(&self.out), self.resume, &device, &mut *progress)?;
        let precision = if self.half { Precision::Half } else { Precision::Full };
        write_atomic(&file, &model.to_bytes(precision))?;
        remove_checkpoints(&self.out);
        let best = &model.header.provenance["training"]["best_epoch"];
        if self.common.json {
            say!("{}", json!({ "model": file.to_string_lossy(), "best_epoch": best }));
        } else {
            match best.as_u64() {
                Some(epoch) => say!("{}: the weights of epoch {epoch}", file.display()),
                None => say!("{}: only the read-out has learned", file.display()),
            }
        }
        Ok(())
    }

    fn provenance(&self, dataset: &Dataset, samples: &[Sample]) -> Value {
        let count = |site: &str| samples.iter().filter(|sample| sample.site == site).count();
        let sites = dataset.sites.iter().map(|site| (site.name.clone(), count(&site.name)));
        let sites: BTreeMap<String, usize> = sites.filter(|(_, count)| *count > 0).collect();
        json!({
            "statement": self.note,
            "images_by_site": sites,
            "left_out": self.leave_out,
            "mcdrl": env!("CARGO_PKG_VERSION"),
            "git_revision": env!("MCDRL_REVISION"),
        })
    }
}

/// The configuration for an encoder, overridden by a file.
pub fn read_config(path: Option<&Path>, foundation: &Foundation) -> Outcome<TrainConfig> {
    match path {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
            foundation.defaults().with_toml(&text, &foundation.vision).map_err(Failure::file(path))
        }
        None => Ok(foundation.defaults()),
    }
}
