//! One site: a folder of images with a folder of masks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::groups::Groups;
use crate::image_file::{entries, file_name, file_stem, is_image};
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

impl Site {
    /// Opens a site's folder. Checks that every image has a mask and every mask an image.
    pub(crate) fn open(folder: &Path, single_class: Option<u8>) -> Result<Self> {
        let name = file_name(folder);
        let images = folder.join("images");
        let masks = folder.join("masks");
        let factors = read_factors(&folder.join("factors.json"))?;
        let list = folder.join("groups.csv");
        let groups = Groups::read(&list)?;
        let mut samples = Vec::new();
        let mut names = BTreeSet::new();
        for image in entries(&images)?.into_iter().filter(|path| is_image(path)) {
            let stem = file_stem(&image);
            let mask = masks.join(format!("{stem}.png"));
            if !mask.is_file() {
                return Err(Error::MissingMask { image, mask });
            }
            if !names.insert(stem.clone()) {
                return Err(Error::DuplicateName { path: image });
            }
            samples.push(Sample {
                site: name.clone(),
                group: groups.of(&stem),
                factors: factors.get(&stem).cloned(),
                name: stem,
                single_class,
                image,
                mask,
            });
        }
        if samples.is_empty() {
            return Err(Error::NoImages { path: images });
        }
        if let Some(name) = groups.stranger(|name| names.contains(name)) {
            let problem = format!("there is no image `{name}` in {}", images.display());
            return Err(Error::text(&list)(problem));
        }
        for mask in entries(&masks)?.into_iter().filter(|path| is_image(path)) {
            if !names.contains(&file_stem(&mask)) {
                return Err(Error::MissingImage { mask, images });
            }
        }
        Ok(Self { name, samples })
    }
}

fn read_factors(path: &Path) -> Result<BTreeMap<String, Factors>> {
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    serde_json::from_str(&text).map_err(Error::text(path))
}
