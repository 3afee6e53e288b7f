//! Which masks belong to which image: the layouts that people have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;

use crate::image_file::{entries, file_name, file_stem, is_picture};
use crate::{Error, Result};

/// The names of the folder beside `images` that holds the masks.
pub const MASK_FOLDERS: [&str; 6] =
    ["masks", "labels", "mask", "label", "annotations", "ground_truth"];

/// Endings of mask names. A mask has the name of its image and one of these endings, for example in ISIC and BUSI.
const SUFFIXES: [&str; 8] =
    ["_segmentation", "_mask", "-mask", "_seg", "_label", "_labels", "_gt", "_lesion"];

/// The masks of a site by the name of their image.
pub struct MaskFolder {
    /// The folder.
    pub path: PathBuf,
    files: BTreeMap<String, Vec<PathBuf>>,
    /// The names of the files in lower case.
    lower: BTreeMap<String, Vec<String>>,
}

impl MaskFolder {
    /// Lists the masks of a site. Without a folder of masks, it is `masks` and empty.
    pub fn of(site: &Path) -> Result<Self> {
        let mut folders =
            MASK_FOLDERS.iter().map(|name| site.join(name)).filter(|path| path.is_dir());
        let Some(path) = folders.next() else {
            let path = site.join(MASK_FOLDERS[0]);
            return Ok(Self { path, files: BTreeMap::new(), lower: BTreeMap::new() });
        };
        let pictures = entries(&path)?.into_iter().filter(|path| is_picture(path)).collect();
        Ok(Self::of_files(&path, pictures))
    }

    /// The masks among some files.
    ///
    /// - `path`: their folder, for messages
    pub fn of_files(path: &Path, masks: Vec<PathBuf>) -> Self {
        let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for file in masks {
            files.entry(comparable(&file_stem(&file))).or_default().push(file);
        }
        let mut lower: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in files.keys() {
            lower.entry(name.to_lowercase()).or_default().push(name.clone());
        }
        Self { path: path.into(), files, lower }
    }

    /// Takes the masks of an image: `<name>.png`, or `<name>_mask.png`, `<name>_mask_1.png` and so on, which are parts of one
    /// mask.
    ///
    /// # Errors
    /// [`Error::MissingMask`] with the files whose names are similar; [`Error::SeveralMasks`] if more than one file could be
    /// the mask.
    pub fn take(&mut self, image: &Path) -> Result<Vec<PathBuf>> {
        let name = comparable(&file_stem(image));
        if let Some(files) = self.remove(&name) {
            return self.single(image, files).map(|file| vec![file]);
        }
        for suffix in SUFFIXES {
            let Some(files) = self.remove(&format!("{name}{suffix}")) else { continue };
            let mut masks = vec![self.single(image, files)?];
            for number in 1.. {
                let Some(files) = self.remove(&format!("{name}{suffix}_{number}")) else { break };
                masks.push(self.single(image, files)?);
            }
            return Ok(masks);
        }
        Err(Error::MissingMask {
            image: image.into(),
            mask: self.path.join(format!("{}.png", file_stem(image))),
            similar: self.similar(&name),
        })
    }

    /// A mask that no image has taken.
    pub fn left(&self) -> impl Iterator<Item = &Path> {
        self.files.values().flatten().map(PathBuf::as_path)
    }

    /// The files of a name. Names that differ in case alone are one name if no file has the name exactly.
    fn remove(&mut self, name: &str) -> Option<Vec<PathBuf>> {
        self.files.remove(name).or_else(|| match self.lower.get(&name.to_lowercase())?.as_slice() {
            [found] => self.files.remove(found),
            _ => None,
        })
    }

    fn single(&self, image: &Path, mut files: Vec<PathBuf>) -> Result<PathBuf> {
        match files.len() {
            1 => Ok(files.remove(0)),
            _ => Err(Error::SeveralMasks { image: image.into(), masks: names(&files) }),
        }
    }

    /// Files that could have been meant: those whose names contain the image's name, or are contained in it.
    fn similar(&self, name: &str) -> String {
        const MOST: usize = 3;
        let is_similar = |other: &&String| other.contains(name) || name.contains(other.as_str());
        let files: Vec<PathBuf> = self
            .files
            .iter()
            .filter(|(other, _)| is_similar(other))
            .flat_map(|(_, files)| files.clone())
            .take(MOST)
            .collect();
        names(&files)
    }
}

/// A name in the composed form. macOS writes names in the decomposed form.
pub fn comparable(name: &str) -> String {
    name.nfc().collect()
}

fn names(files: &[PathBuf]) -> String {
    files.iter().map(|file| file_name(file)).collect::<Vec<_>>().join(", ")
}
