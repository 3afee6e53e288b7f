//! The dataset folder: `DATA/<site>/images/<name>.jpg` with `DATA/<site>/masks/<name>.png`.

use std::fs;
use std::path::{Path, PathBuf};

use mcdrl_image::Mask;
use mcdrl_runtime::Profile;

use crate::dataset_toml::{UNNAMED, read_profile};
use crate::image_file::{entries, read_image};
use crate::sample::{LabelledImage, Sample, UNKNOWN_CLASS};
use crate::site::Site;
use crate::{Error, Result};

/// A dataset folder: its sites, its samples and the meaning of its mask values.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The folder.
    pub path: PathBuf,
    /// Classes, confounders and prompts: the endoscopy profile, overridden by `dataset.toml`. If that file names no
    /// classes, there is one class, `lesion`.
    pub profile: Profile,
    /// The sites (hospitals or devices), sorted by name.
    pub sites: Vec<Site>,
}

impl Dataset {
    /// Opens a dataset folder. Checks that every image has a mask and every mask an image. [`Dataset::load`] reads the
    /// pixels later.
    ///
    /// # Errors
    /// The first file or folder that is missing or wrong.
    pub fn open(path: &Path) -> Result<Self> {
        let profile = read_profile(&path.join("dataset.toml"))?;
        let single_class = (profile.classes.len() == 1).then_some(1);
        let mut sites = Vec::new();
        for folder in entries(path)? {
            if folder.join("images").is_dir() {
                sites.push(Site::open(&folder, single_class)?);
            }
        }
        if sites.is_empty() {
            return Err(Error::NoSites { path: path.into() });
        }
        Ok(Self { path: path.into(), profile, sites })
    }

    /// Opens several dataset folders as one. Folders with several classes must agree on them, and a folder with one class keeps
    /// that class if they name it. Otherwise its lesions get [`UNKNOWN_CLASS`]. If all folders have one class, the whole has
    /// all that are named.
    ///
    /// # Errors
    /// As [`Dataset::open`]; [`Error::Config`] for folders that do not fit together.
    pub fn open_all(paths: &[PathBuf]) -> Result<Self> {
        let mut parts = paths.iter().map(|path| Self::open(path)).collect::<Result<Vec<_>>>()?;
        parts.sort_by_key(|part| std::cmp::Reverse(part.profile.classes.len()));
        let mut parts = parts.into_iter();
        let mut whole =
            parts.next().ok_or_else(|| Error::Config("no dataset folder was given".into()))?;
        let one_each = whole.profile.classes.len() == 1 && whole.profile.classes != [UNNAMED];
        for mut part in parts {
            let classes = &part.profile.classes;
            if *classes != whole.profile.classes {
                let &[name] = &classes.as_slice() else {
                    let (one, other) = (part.path.display(), whole.path.display());
                    let problem = format!("{one} and {other} name different classes");
                    return Err(Error::Config(problem));
                };
                if one_each && name != UNNAMED && !whole.profile.classes.contains(name) {
                    whole.profile.classes.push(name.clone());
                }
                let place = whole.profile.classes.iter().position(|class| class == name);
                let class = place.map_or(UNKNOWN_CLASS, |index| index as u8 + 1);
                for sample in part.sites.iter_mut().flat_map(|site| &mut site.samples) {
                    sample.single_class = Some(class);
                }
            }
            for site in part.sites {
                if whole.sites.iter().any(|other| other.name == site.name) {
                    let problem = format!("two of the datasets have a site `{}`", site.name);
                    return Err(Error::Config(problem));
                }
                whole.sites.push(site);
            }
        }
        Ok(whole)
    }

    /// The site of this name.
    ///
    /// # Errors
    /// [`Error::UnknownSite`] with the names of all sites.
    pub fn site(&self, name: &str) -> Result<&Site> {
        self.sites.iter().find(|site| site.name == name).ok_or_else(|| Error::UnknownSite {
            name: name.into(),
            sites: self.sites.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// The samples of all sites.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.sites.iter().flat_map(|site| &site.samples)
    }

    /// The samples of the named sites; of all sites if none is named.
    ///
    /// # Errors
    /// [`Error::UnknownSite`] with the names of all sites.
    pub fn samples_of(&self, sites: &[String]) -> Result<Vec<Sample>> {
        for site in sites {
            self.site(site)?;
        }
        let wanted = |sample: &&Sample| sites.is_empty() || sites.contains(&sample.site);
        Ok(self.samples().filter(wanted).cloned().collect())
    }

    /// Reads a sample's pixels.
    ///
    /// # Errors
    /// If a file cannot be decoded, or if a mask has another size than its image or a class that the dataset does not name.
    pub fn load(&self, sample: &Sample) -> Result<LabelledImage> {
        let image = read_image(&sample.image)?;
        let mask = fs::read(&sample.mask).map_err(Error::io(&sample.mask))?;
        let mask = Mask::decode(&mask).map_err(Error::image(&sample.mask))?;
        let image_size = (image.width(), image.height());
        let mask_size = (mask.width(), mask.height());
        if image_size != mask_size {
            return Err(Error::MaskSize { mask: sample.mask.clone(), mask_size, image_size });
        }
        if let Some(class) = sample.single_class {
            let mask = mask.map(|value| if value == 0 { 0 } else { class });
            return Ok(LabelledImage { image, mask });
        }
        let classes = self.profile.classes.len();
        match mask.classes().iter().find(|value| usize::from(**value) > classes) {
            Some(&value) => Err(Error::MaskClass { mask: sample.mask.clone(), value, classes }),
            None => Ok(LabelledImage { image, mask }),
        }
    }
}
