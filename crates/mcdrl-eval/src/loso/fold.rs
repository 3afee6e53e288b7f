//! One left-out site with one seed: its training runs and their tests.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use burn::tensor::Device;
use mcdrl_data::{Sample, hold_out_groups, leave_one_site_out, write_atomic};
use mcdrl_runtime::{ClipCheckpoint, Model, Precision, Segmenter};
use mcdrl_synth::Rendition;
use mcdrl_train::{
    Foundation, LONGEST_SCENE, LoadedSamples, PretrainConfig, Silent, TrainConfig, TrainRequest,
    pretrain, remove_checkpoints, train,
};

use super::{ImageDice, LosoRequest, LosoRun, Variant, lock};
use crate::Result;
use crate::evaluate::evaluate;
use crate::robustness::{Stress, robustness};

/// The most images on which confounders are imposed.
const STRESSED: usize = 64;

/// The number of images between two neighbours of [`Variant::OtherDoses`] is the test set's divided by this.
const FAR_APART: usize = 8;

/// The file of a trained model in the folder of its run.
const MODEL: &str = "model.safetensors";

/// The file of everything that decides the model.
const IDENTITY: &str = "identity.json";

/// One left-out site with one seed.
pub struct Fold {
    site: String,
    seed: u64,
    train: Vec<Sample>,
    validation: Vec<Sample>,
    test: Vec<Sample>,
    /// Created by the first run of the fold, dropped by the last.
    prepared: Mutex<Option<Arc<Prepared>>>,
    /// The number of unfinished runs.
    left: AtomicUsize,
}

/// The data that all runs of a fold share.
struct Prepared {
    foundation: Foundation,
    train: LoadedSamples,
    validation: LoadedSamples,
}

impl Fold {
    pub fn new(request: &LosoRequest<'_>, site: &str, seed: u64) -> Result<Self> {
        let split = leave_one_site_out(request.dataset, site)?;
        let source = hold_out_groups(&split.train, request.config.data.validation, seed);
        Ok(Self {
            site: site.into(),
            seed,
            train: source.train,
            validation: source.test,
            test: split.test,
            prepared: Mutex::new(None),
            left: AtomicUsize::new(request.variants.len()),
        })
    }

    /// Trains a variant, and tests all variants of the request that have its model.
    pub fn run(
        &self,
        request: &LosoRequest<'_>,
        trained: Variant,
        device: &Device,
    ) -> Result<Vec<LosoRun>> {
        let tested: Vec<Variant> =
            request.variants.iter().copied().filter(|v| v.trained_as() == trained).collect();
        let model = self.model(request, trained, device)?;
        if self.left.fetch_sub(tested.len(), Ordering::Relaxed) == tested.len() {
            *lock(&self.prepared) = None;
        }
        let mut segmenter = Segmenter::from_model(model);
        let mut runs = Vec::new();
        for variant in tested {
            segmenter = segmenter.with_dose_source(variant.dose_source());
            runs.push(self.test(request, variant, &segmenter)?);
        }
        Ok(runs)
    }

    fn test(
        &self,
        request: &LosoRequest<'_>,
        variant: Variant,
        segmenter: &Segmenter,
    ) -> Result<LosoRun> {
        let mut test = self.test.clone();
        if variant == Variant::OtherDoses {
            // The next image of the batch is one of another video.
            let stride = test.len().div_ceil(FAR_APART).max(1);
            test =
                (0..stride).flat_map(|at| test.iter().skip(at).step_by(stride)).cloned().collect();
        }
        let evaluation = evaluate(segmenter, request.dataset, &test, |_| {})?;
        let dice = evaluation.images.iter().filter_map(|image| {
            let (name, group) = (image.name.clone(), image.group.clone());
            Some(ImageDice { name, group, dice: image.lesion.dice? })
        });
        let images = dice.collect();
        let lost = match request.impose {
            // In the test of confounders, neighbours have the same one.
            Some(strength) if variant != Variant::OtherDoses => {
                let step = self.test.len().div_ceil(STRESSED).max(1);
                let some: Vec<Sample> = self.test.iter().step_by(step).cloned().collect();
                let stress = Stress { strength, rendition: Rendition::HeldBack, compared: 0 };
                robustness(segmenter, request.dataset, &some, stress, |_, _| {})?.lost
            }
            _ => None,
        };
        let (site, seed) = (self.site.clone(), self.seed);
        Ok(LosoRun { variant, site, seed, score: evaluation.total, images, lost })
    }

    /// The trained model: from the protocol's folder, or newly trained.
    fn model(&self, request: &LosoRequest<'_>, trained: Variant, device: &Device) -> Result<Model> {
        let config = TrainConfig { seed: self.seed, ..trained.configure(request.config) };
        let names = |samples: &[Sample]| samples.iter().map(Sample::label).collect::<Vec<_>>();
        let identity = serde_json::json!({
            "config": config,
            "train": names(&self.train),
            "validation": names(&self.validation),
            "profile": request.dataset.profile,
            "foundation": request.foundation.map(Foundation::sha256),
            "pretrain": request.foundation.is_none().then_some(request.pretrain),
        });
        let identity = identity.to_string();
        let folder = request.folder.map(|folder| self.folder(folder.into(), trained));
        if let Some(folder) = &folder
            && let Some(model) = begun(folder, &identity, device)?
        {
            return Ok(model);
        }
        let prepared = self.prepared(request, device)?;
        let model = train(
            &TrainRequest {
                foundation: &prepared.foundation,
                profile: &request.dataset.profile,
                train: &prepared.train,
                validation: &prepared.validation,
                data: [names(&self.train), names(&self.validation)].concat().join("\n"),
                config: &config,
                provenance: serde_json::json!({}),
            },
            folder.as_deref(),
            true,
            device,
            &mut Silent,
        )?;
        if let Some(folder) = &folder {
            write_atomic(&folder.join(MODEL), &model.to_bytes(Precision::Full))?;
            remove_checkpoints(folder);
        }
        Ok(model)
    }

    fn folder(&self, of_protocol: PathBuf, trained: Variant) -> PathBuf {
        of_protocol.join("runs").join(format!("{}-{}-{}", self.site, self.seed, trained.name()))
    }

    fn prepare(&self, request: &LosoRequest<'_>, device: &Device) -> Result<Prepared> {
        let dataset = request.dataset;
        let train = LoadedSamples::load(dataset, &self.train, LONGEST_SCENE)?;
        let validation = LoadedSamples::load(dataset, &self.validation, LONGEST_SCENE)?;
        let foundation = match request.foundation {
            Some(foundation) => foundation.clone(),
            None => {
                let config = PretrainConfig { seed: self.seed, ..request.pretrain.clone() };
                let bytes = pretrain(&train, &dataset.profile, &config, device, &mut Silent)?;
                let clip = ClipCheckpoint::from_safetensors(&bytes, None)?;
                Foundation::from_clip(&clip, &dataset.profile)?
            }
        };
        Ok(Prepared { foundation, train, validation })
    }

    fn prepared(&self, request: &LosoRequest<'_>, device: &Device) -> Result<Arc<Prepared>> {
        let mut place = lock(&self.prepared);
        if let Some(prepared) = &*place {
            return Ok(prepared.clone());
        }
        let prepared = Arc::new(self.prepare(request, device)?);
        *place = Some(prepared.clone());
        Ok(prepared)
    }
}

/// Opens the folder of a training run, and removes what another run left there. Gives the model if the run is finished.
///
/// - `identity`: everything that decides the model. It is compared as text, because a number that is written and read again may
///   lose its last bit.
fn begun(folder: &Path, identity: &str, device: &Device) -> Result<Option<Model>> {
    let (stated, model) = (folder.join(IDENTITY), folder.join(MODEL));
    std::fs::create_dir_all(folder).map_err(mcdrl_data::Error::io(folder))?;
    let is_same = std::fs::read_to_string(&stated).is_ok_and(|found| found == identity);
    if !is_same {
        remove_checkpoints(folder);
        let _ = std::fs::remove_file(&model);
        write_atomic(&stated, identity.as_bytes())?;
    }
    if !model.is_file() {
        return Ok(None);
    }
    remove_checkpoints(folder);
    let bytes = std::fs::read(&model).map_err(mcdrl_data::Error::io(&model))?;
    Ok(Some(Model::from_bytes(&bytes, device)?))
}
