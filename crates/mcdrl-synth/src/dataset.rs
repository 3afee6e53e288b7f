//! Synthetic sites written as a dataset folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use mcdrl_data::{Factors, new_folder};
use rayon::prelude::*;

use crate::config::SynthConfig;
use crate::confounders::CONFOUNDERS;
use crate::frame::synthesize_frame;
use crate::lesion::LESION_CLASSES;
use crate::site::site_name;
use crate::{Error, Result};

/// Writes the sites of `config` as a dataset folder, with `dataset.toml` and the factors of every frame in `factors.json`.
/// The same configuration gives the same bytes. The folder is written under another name and renamed at the end.
/// `progress` is called with the number of finished frames.
///
/// # Errors
/// [`Error::Config`], [`Error::Data`] if the folder exists, [`Error::Io`].
pub fn write_dataset(
    config: &SynthConfig,
    out: &Path,
    progress: impl Fn(usize) + Sync,
) -> Result<()> {
    let faults = config.faults();
    if !faults.is_empty() {
        return Err(Error::Config(faults.join("; ")));
    }
    let done = AtomicUsize::new(0);
    new_folder(out, |folder| {
        for site in 0..config.sites {
            write_site(config, site, &folder.join(site_name(site)), &|| {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
            })?;
        }
        let classes: Vec<toml::Value> = LESION_CLASSES.iter().map(|c| (*c).into()).collect();
        let header = toml::Table::from_iter([("classes".to_owned(), toml::Value::Array(classes))]);
        let file = folder.join("dataset.toml");
        fs::write(&file, header.to_string()).map_err(Error::io(&file))
    })
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
    let write = |path: PathBuf, png: mcdrl_image::Result<Vec<u8>>| -> Result<()> {
        let png = png.map_err(Error::image(&path))?;
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

/// Rounds a strength to three digits.
fn round(strength: f32) -> f32 {
    (strength * 1000.0).round() / 1000.0
}
