//! One site: a folder of images with a folder of masks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::dataset_toml::Reading;
use crate::groups::Groups;
use crate::image_file::{entries, file_name, file_stem, is_image};
use crate::pairing::{MaskFolder, comparable};
use crate::sample::{Factors, Sample};
use crate::{Error, Result};

/// One hospital or device.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of its folder.
    pub name: String,
    /// Its images with their masks, sorted by name.
    pub samples: Vec<Sample>,
}

/// A site as it was found, with all that is wrong in its folder.
pub(crate) struct Found {
    pub site: Site,
    pub faults: Vec<Error>,
    pub warnings: Vec<String>,
}

impl Site {
    /// Reads a site's folder. Every image needs a mask and every mask an image. What cannot be paired is a fault.
    pub(crate) fn find(
        folder: &Path,
        reading: &Arc<Reading>,
        single_class: Option<u8>,
    ) -> Result<Found> {
        let name = file_name(folder);
        let images = folder.join("images");
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        let factors = read_factors(&folder.join("factors.json"));
        let factors = factors.map_err(|fault| faults.push(fault)).unwrap_or_default();
        let mut masks = MaskFolder::of(folder)?;
        let mut samples: Vec<Sample> = Vec::new();
        let mut all_names = BTreeSet::new();
        for image in entries(&images)?.into_iter().filter(|path| is_image(path)) {
            let stem = file_stem(&image);
            if fs::metadata(&image).is_ok_and(|file| file.len() == 0) {
                warnings.push(format!("{}: an empty file was skipped", image.display()));
                // Its mask is no stranger.
                all_names.insert(comparable(&stem));
                let _ = masks.take(&image);
                continue;
            }
            if !all_names.insert(comparable(&stem)) {
                faults.push(Error::DuplicateName { path: image });
                continue;
            }
            match masks.take(&image) {
                Ok(masks) => samples.push(Sample {
                    site: name.clone(),
                    group: String::new(),
                    factors: factors.get(&stem).cloned(),
                    name: stem,
                    single_class,
                    reading: reading.clone(),
                    image,
                    masks,
                }),
                Err(fault) => faults.push(fault),
            }
        }
        if samples.is_empty() && faults.is_empty() {
            faults.push(Error::NoImages { path: images.clone() });
        }
        faults.extend(
            masks
                .left()
                .map(|mask| Error::MissingImage { mask: mask.into(), images: images.clone() }),
        );
        let list = folder.join("groups.csv");
        let groups = Groups::read(&list, reading.groups.as_ref()).unwrap_or_else(|fault| {
            faults.push(fault);
            Groups::Guessed
        });
        faults.extend(groups.strangers(&all_names).into_iter().map(|name| {
            Error::text(&list)(format!("there is no image `{name}` in {}", images.display()))
        }));
        let names: Vec<String> = samples.iter().map(|sample| sample.name.clone()).collect();
        let grouping = groups.of(&names);
        warnings.extend(grouping.warning.map(|warning| format!("{}: {warning}", folder.display())));
        for (sample, group) in samples.iter_mut().zip(grouping.groups) {
            sample.group = group;
        }
        Ok(Found { site: Self { name, samples }, faults, warnings })
    }
}

fn read_factors(path: &Path) -> Result<BTreeMap<String, Factors>> {
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    serde_json::from_str(&text).map_err(Error::text(path))
}
