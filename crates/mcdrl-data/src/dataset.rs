//! The dataset folder: `DATA/<site>/images/<name>.jpg` with `DATA/<site>/masks/<name>.png`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mcdrl_model::{Confounder, Image, Mask, Profile};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The mask value of a lesion whose class the dataset does not say; see [`Dataset::open_all`].
pub const UNKNOWN_CLASS: u8 = 255;

const IMAGE_EXTENSIONS: [&str; 7] = ["jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp"];

/// A dataset folder: its sites, its samples and what its mask values mean.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The folder.
    pub path: PathBuf,
    /// Classes, confounders and prompts: the endoscopy profile with what `dataset.toml` says instead. Without
    /// that file there is one class, `lesion`.
    pub profile: Profile,
    /// The sites (hospitals or devices), by name.
    pub sites: Vec<Site>,
}

/// One hospital or device.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of its folder.
    pub name: String,
    /// Its images with their masks, by name.
    pub samples: Vec<Sample>,
}

/// One image with its mask, on disk.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The name of the site.
    pub site: String,
    /// The image's file name without its extension.
    pub name: String,
    /// Samples of one group (a video sequence, a patient) never go to different sides of a split: the part of
    /// a name like `seq01_007` before the number, else the name itself.
    pub group: String,
    /// The image file.
    pub image: PathBuf,
    /// The mask file.
    pub mask: PathBuf,
    /// What is known of how the image came about, for synthetic sites.
    pub factors: Option<Factors>,
    /// What any value of the mask but 0 means; `None` where the values are class indices.
    single_class: Option<u8>,
}

/// The factors that an image was made from: recorded for synthetic sites, where they are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// The lesion's class; `None` for a lesion-free image.
    pub class: Option<String>,
    /// Strength of each named confounder, 0..1.
    pub confounders: BTreeMap<String, f32>,
}

/// An image with its mask, in memory.
#[derive(Clone, Debug)]
pub struct LabelledImage {
    /// The image.
    pub image: Image,
    /// Its mask, of the same size.
    pub mask: Mask,
}

/// `dataset.toml`: whatever differs from the endoscopy profile.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatasetToml {
    classes: Option<Vec<String>>,
    name: Option<String>,
    class_prompt: Option<String>,
    background_prompt: Option<String>,
    confounder_prompt: Option<String>,
    causal_prompt: Option<String>,
    confounders: Option<Vec<Confounder>>,
}

impl Dataset {
    /// Opens a dataset folder and checks that every image has its mask and the other way round. Pixels are
    /// read later, by [`Dataset::load`].
    ///
    /// # Errors
    /// One sentence naming the first file or folder that is not as it should be.
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

    /// Opens several dataset folders as one. Those with several classes must agree on them. The lesions of a
    /// folder with one class become that class, if the others name it, or else [`UNKNOWN_CLASS`]: a lesion
    /// all the same.
    ///
    /// # Errors
    /// As [`Dataset::open`]; [`Error::Config`] for folders that do not fit together.
    pub fn open_all(paths: &[PathBuf]) -> Result<Self> {
        let mut parts = paths.iter().map(|path| Self::open(path)).collect::<Result<Vec<_>>>()?;
        parts.sort_by_key(|part| std::cmp::Reverse(part.profile.classes.len()));
        let mut parts = parts.into_iter();
        let mut whole =
            parts.next().ok_or_else(|| Error::Config("no dataset folder was given".into()))?;
        for mut part in parts {
            let classes = &part.profile.classes;
            if *classes != whole.profile.classes {
                let &[name] = &classes.as_slice() else {
                    let (one, other) = (part.path.display(), whole.path.display());
                    let problem = format!("{one} and {other} name different classes");
                    return Err(Error::Config(problem));
                };
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
    /// [`Error::UnknownSite`], listing those there are.
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

    /// Reads a sample's pixels.
    ///
    /// # Errors
    /// A file that cannot be decoded, a mask of another size or with a class that is not named.
    pub fn load(&self, sample: &Sample) -> Result<LabelledImage> {
        let image = read_image(&sample.image)?;
        let mask = fs::read(&sample.mask).map_err(Error::io(&sample.mask))?;
        let mask = Mask::decode(&mask).map_err(Error::file(&sample.mask))?;
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

impl Site {
    fn open(folder: &Path, single_class: Option<u8>) -> Result<Self> {
        let name = file_name(folder);
        let images = folder.join("images");
        let masks = folder.join("masks");
        let factors = read_factors(&folder.join("factors.json"))?;
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
                group: group(&stem),
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
        for mask in entries(&masks)?.into_iter().filter(|path| is_image(path)) {
            if !names.contains(&file_stem(&mask)) {
                return Err(Error::MissingImage { mask, images });
            }
        }
        Ok(Self { name, samples })
    }
}

impl Sample {
    /// `site/name`, as reports show it.
    pub fn label(&self) -> String {
        format!("{}/{}", self.site, self.name)
    }
}

/// Reads an image file of any supported kind.
///
/// # Errors
/// The file's name with what is wrong with it.
pub fn read_image(path: &Path) -> Result<Image> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    Image::decode(&bytes).map_err(Error::file(path))
}

/// Whether the file's extension is one of an image.
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    IMAGE_EXTENSIONS.contains(&extension.as_str())
}

fn read_profile(path: &Path) -> Result<Profile> {
    let toml = if path.is_file() {
        let text = fs::read_to_string(path).map_err(Error::io(path))?;
        toml::from_str(&text).map_err(|e| Error::Config(format!("{}: {e}", path.display())))?
    } else {
        DatasetToml::default()
    };
    let base = Profile::endoscopy();
    let profile = Profile {
        name: toml.name.unwrap_or(base.name),
        classes: toml.classes.unwrap_or_else(|| vec!["lesion".into()]),
        class_prompt: toml.class_prompt.unwrap_or(base.class_prompt),
        background_prompt: toml.background_prompt.unwrap_or(base.background_prompt),
        confounder_prompt: toml.confounder_prompt.unwrap_or(base.confounder_prompt),
        causal_prompt: toml.causal_prompt.unwrap_or(base.causal_prompt),
        confounders: toml.confounders.unwrap_or(base.confounders),
    };
    profile.check().map_err(Error::file(path))?;
    Ok(profile)
}

fn read_factors(path: &Path) -> Result<BTreeMap<String, Factors>> {
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    serde_json::from_str(&text).map_err(|e| Error::Config(format!("{}: {e}", path.display())))
}

/// The folder's entries in order of name, hidden ones left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn file_stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn group(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((group, number))
            if !group.is_empty()
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            group.into()
        }
        _ => name.into(),
    }
}
