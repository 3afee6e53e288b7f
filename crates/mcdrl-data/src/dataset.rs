//! The dataset folder: `DATA/<site>/images/<name>.jpg` with `DATA/<site>/masks/<name>.png`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mcdrl_image::{Image, Mask, MaskFile, MaskValue, Turn};
use mcdrl_runtime::Profile;

use crate::dataset_toml::{DrawnOn, UNNAMED, read_dataset_toml, unstated};
use crate::error::has_aspect_of;
use crate::image_file::entries;
use crate::mask_values::{Meaningless, classes_of};
use crate::sample::{LabelledImage, Sample, UNKNOWN_CLASS};
use crate::site::Site;
use crate::warnings::Warnings;
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
    /// Remarks about what was found so far.
    pub warnings: Warnings,
    /// The values of the masks of a site, once they were asked for.
    values: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Dataset {
    /// Opens a dataset folder. Checks that every image has a mask and every mask an image. [`Dataset::load`] reads the
    /// pixels later.
    ///
    /// # Errors
    /// The first file or folder that is missing or wrong, and the number of others.
    pub fn open(path: &Path) -> Result<Self> {
        let (dataset, mut faults) = Self::find(path)?;
        if faults.is_empty() {
            return Ok(dataset);
        }
        let first = faults.remove(0);
        Err(match faults.len() {
            0 => first,
            others => Error::Several { first: first.into(), others },
        })
    }

    /// Opens a dataset folder as far as possible. Returns it with all that is wrong in it.
    ///
    /// # Errors
    /// If there is no site, or a folder that cannot be read.
    pub fn find(path: &Path) -> Result<(Self, Vec<Error>)> {
        let mut faults = Vec::new();
        let toml = read_dataset_toml(&path.join("dataset.toml"));
        let (profile, reading) = toml.unwrap_or_else(|fault| {
            faults.push(fault);
            unstated()
        });
        let single_class = (profile.classes.len() == 1).then_some(1);
        let reading = Arc::new(reading);
        let warnings = Warnings::default();
        let mut sites = Vec::new();
        for folder in entries(path)?.into_iter().filter(|path| path.is_dir()) {
            if !folder.join("images").is_dir() {
                warnings.add(format!(
                    "{}: it has no folder `images`, so it is no site",
                    folder.display()
                ));
                continue;
            }
            let found = Site::find(&folder, &reading, single_class)?;
            found.warnings.into_iter().for_each(|warning| warnings.add(warning));
            faults.extend(found.faults);
            sites.push(found.site);
        }
        if sites.is_empty() {
            return Err(Error::NoSites { path: path.into() });
        }
        let values = Arc::default();
        Ok((Self { path: path.into(), profile, sites, warnings, values }, faults))
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
            part.warnings.take().into_iter().for_each(|warning| whole.warnings.add(warning));
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
    /// If a file cannot be decoded, or if a mask has another size than its image or values that the dataset does not name.
    pub fn load(&self, sample: &Sample) -> Result<LabelledImage> {
        let bytes = fs::read(&sample.image).map_err(Error::io(&sample.image))?;
        let image = Image::decode(&bytes).map_err(Error::image(&sample.image))?;
        let mut classes = vec![0; image.width() * image.height()];
        for path in &sample.masks {
            let mask = self.load_mask(path, sample, &image)?;
            for (class, part) in classes.iter_mut().zip(mask.classes()) {
                *class = if *part == 0 { *class } else { *part };
            }
        }
        let mask = Mask::from_classes(image.width(), image.height(), classes)
            .expect("the mask has the size of its image");
        Ok(LabelledImage { image, mask })
    }

    fn load_mask(&self, path: &Path, sample: &Sample, image: &Image) -> Result<Mask> {
        let bytes = fs::read(path).map_err(Error::io(path))?;
        let file = MaskFile::decode(&bytes).map_err(Error::image(path))?;
        let reading = &*sample.reading;
        let file = match image.turn() {
            Some(turn) => self.upright(file, turn, sample, (image.width(), image.height())),
            None => file,
        };
        let mask = classes_of(&file, &reading.values, sample.single_class, reading.classes);
        let mask = mask.map_err(|Meaningless { value, instances }| Error::MaskValue {
            mask: path.into(),
            value,
            classes: reading.classes,
            values: self.mask_values_of(&sample.site),
            instances,
        })?;
        let image_size = (image.width(), image.height());
        let mask_size = (mask.width(), mask.height());
        if image_size == mask_size {
            return Ok(mask);
        }
        if reading.resize_masks && has_aspect_of(mask_size, image_size) {
            return Ok(mask.resize(image.width(), image.height()));
        }
        Err(Error::MaskSize { mask: path.into(), mask_size, image_size })
    }

    /// The values of all masks of a site, as text.
    fn mask_values_of(&self, site: &str) -> String {
        let mut known = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(site.into()).or_insert_with(|| self.read_mask_values(site)).clone()
    }

    fn read_mask_values(&self, site: &str) -> String {
        const MOST: usize = 40;
        let masks = self.samples().filter(|sample| sample.site == site);
        let files = masks.flat_map(|sample| &sample.masks).filter_map(|path| fs::read(path).ok());
        let files = files.filter_map(|bytes| MaskFile::decode(&bytes).ok());
        let values: BTreeSet<MaskValue> =
            files.flat_map(|file| file.counts().into_keys()).collect();
        let listed: Vec<String> = values.iter().take(MOST).map(MaskValue::to_string).collect();
        let more = if values.len() > MOST { ", …" } else { "" };
        format!("{}{more}", listed.join(", "))
    }

    /// Turns a mask that was drawn on the picture as it lies in the file. The sizes show it, or `dataset.toml` states it.
    fn upright(
        &self,
        mask: MaskFile,
        turn: Turn,
        sample: &Sample,
        (width, height): (usize, usize),
    ) -> MaskFile {
        let fits_raw = turn.swaps_sides() && (mask.height(), mask.width()) == (width, height);
        let fits_upright = (mask.width(), mask.height()) == (width, height);
        let fits_both = fits_upright && (fits_raw || !turn.swaps_sides());
        if sample.reading.masks_drawn_on == DrawnOn::Raw && (fits_both || fits_raw) {
            return mask.turned(turn);
        }
        if fits_both && sample.reading.masks_drawn_on == DrawnOn::Upright {
            self.warnings.add(format!(
                "site `{}`: EXIF turns images whose masks fit both ways; they are taken as drawn on the upright picture \
                 (`masks_drawn_on = \"raw\"` in dataset.toml changes that)",
                sample.site
            ));
        }
        if fits_raw && !fits_upright { mask.turned(turn) } else { mask }
    }
}
