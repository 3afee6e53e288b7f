//! Synthetic sites written as a dataset folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::{CONFOUNDERS, LESION_CLASSES, SynthConfig, site_name, synthesize_frame};
use crate::{Error, Factors, Result};

/// Writes the sites of `config` as a dataset folder with `dataset.toml` and, for each site, the factors of every
/// frame in `factors.json`. The same configuration gives the same bytes. The folder is made aside and renamed: it
/// is whole or not there. `progress` is told how many frames are done.
///
/// # Errors
/// [`Error::Config`] if `out` exists already or the configuration asks for nothing, [`Error::Io`].
pub fn write_dataset(
    config: &SynthConfig,
    out: &Path,
    progress: impl Fn(usize) + Sync,
) -> Result<()> {
    if config.sites == 0 || config.images == 0 || !(32..=1024).contains(&config.size) {
        let problem = "synthetic sites need at least one site and one image, of 32 to 1024 pixels";
        return Err(Error::Config(problem.into()));
    }
    if !(0.0..=1.0).contains(&config.lesion_free) {
        let problem = format!("a lesion-free share of {} is none: 0 to 1", config.lesion_free);
        return Err(Error::Config(problem));
    }
    if out.exists() {
        let shown = out.display();
        return Err(Error::Config(format!("{shown} exists already; choose another folder")));
    }
    let shown = out.display();
    let name = out
        .file_name()
        .ok_or_else(|| Error::Config(format!("{shown} has no name to make a folder of")))?;
    let mut aside = name.to_owned();
    aside.push(format!(".{}.part", std::process::id()));
    let aside = out.with_file_name(aside);
    let done = AtomicUsize::new(0);
    for site in 0..config.sites {
        write_site(config, site, &aside.join(site_name(site)), &|| {
            progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        })?;
    }
    let classes: Vec<toml::Value> = LESION_CLASSES.iter().map(|c| (*c).into()).collect();
    let header = toml::Table::from_iter([("classes".to_owned(), toml::Value::Array(classes))]);
    let file = aside.join("dataset.toml");
    fs::write(&file, header.to_string()).map_err(Error::io(&file))?;
    fs::rename(&aside, out).map_err(Error::io(out))
}

fn write_site(
    config: &SynthConfig,
    site: usize,
    folder: &Path,
    frame_done: &(dyn Fn() + Sync),
) -> Result<()> {
    let (images, masks) = (folder.join("images"), folder.join("masks"));
    for folder in [&images, &masks] {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    let write = |path: PathBuf, png: mcdrl_model::Result<Vec<u8>>| -> Result<()> {
        let png = png.map_err(Error::file(&path))?;
        fs::write(&path, png).map_err(Error::io(&path))
    };
    let frames = (0..config.images).into_par_iter().map(|index| {
        let frame = synthesize_frame(config, site, index);
        let name = format!("{index:05}");
        write(images.join(format!("{name}.png")), frame.image.encode_png())?;
        write(masks.join(format!("{name}.png")), frame.mask.encode_png())?;
        frame_done();
        let strengths = CONFOUNDERS.iter().zip(frame.factors.strengths);
        let factors = Factors {
            class: frame.factors.class.map(|class| LESION_CLASSES[class].to_owned()),
            confounders: strengths
                .map(|(name, strength)| ((*name).to_owned(), round(strength)))
                .collect(),
        };
        Ok((name, factors))
    });
    let factors: BTreeMap<String, Factors> = frames.collect::<Result<_>>()?;
    let file = folder.join("factors.json");
    let json = serde_json::to_string_pretty(&factors).expect("factors are plain data");
    fs::write(&file, json).map_err(Error::io(&file))
}

/// Three digits are all that a strength means.
fn round(strength: f32) -> f32 {
    (strength * 1000.0).round() / 1000.0
}
