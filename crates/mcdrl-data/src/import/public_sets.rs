//! Layouts of public sets whose masks are files: Kvasir-SEG, ISIC and BUSI.

use std::path::{Path, PathBuf};

use super::{Masks, Picture, Source, picture};
use crate::image_file::{entries, file_name, file_stem, is_image};
use crate::pairing::{MASK_FOLDERS, MaskFolder};
use crate::{Error, Result};

/// `images` beside `masks`, with the same names. Also with the names of CVC-ClinicDB: `Original` and `Ground Truth`.
pub fn kvasir(source: &Path) -> Result<Source> {
    let folder = |names: &[&str]| {
        let found = entries(source).ok()?.into_iter().filter(|path| path.is_dir());
        let is = |path: &PathBuf, name: &str| file_name(path).eq_ignore_ascii_case(name);
        let found: Vec<PathBuf> = found.collect();
        names.iter().find_map(|name| found.iter().find(|path| is(path, name)).cloned())
    };
    let missing = |what: &str| Error::Config(format!("{}: no folder of {what}", source.display()));
    let images = folder(&["images", "image", "original"]).ok_or_else(|| missing("images"))?;
    let masks = folder(&[&MASK_FOLDERS[..], &["ground truth", "gt"]].concat());
    from_folders(&images, &masks.ok_or_else(|| missing("masks"))?)
}

/// Images in one folder, masks with the ending `_segmentation` in the same or in another.
pub fn isic(source: &Path) -> Result<Source> {
    let mut folders = vec![source.to_owned()];
    folders.extend(entries(source)?.into_iter().filter(|path| path.is_dir()));
    let is_mask = |path: &PathBuf| file_stem(path).to_lowercase().ends_with("_segmentation");
    let mut files = Vec::new();
    for folder in folders {
        files.extend(entries(&folder)?.into_iter().filter(|path| is_image(path)));
    }
    // Superpixels lie beside the images of some years.
    files.retain(|path| !file_stem(path).to_lowercase().ends_with("_superpixels"));
    let (masks, images): (Vec<_>, Vec<_>) = files.into_iter().partition(is_mask);
    let mut masks = MaskFolder::of_files(source, masks);
    paired(images, &mut masks)
}

/// A folder for each class, with `<name>.png` and `<name>_mask.png`, `<name>_mask_1.png` and so on.
pub fn busi(source: &Path) -> Result<Source> {
    let mut all = Source::default();
    for folder in entries(source)?.into_iter().filter(|path| path.is_dir()) {
        let class = file_name(&folder);
        let files: Vec<PathBuf> =
            entries(&folder)?.into_iter().filter(|path| is_image(path)).collect();
        let is_mask = |path: &PathBuf| file_stem(path).contains("_mask");
        let (masks, images): (Vec<_>, Vec<_>) = files.into_iter().partition(is_mask);
        let found = paired(images, &mut MaskFolder::of_files(&folder, masks))?;
        // The names of two folders are the same, unless they begin with the class.
        all.pictures.extend(found.pictures.into_iter().map(|picture| {
            let is_named = picture.name.starts_with(&class);
            let name = if is_named { picture.name } else { format!("{class}-{}", picture.name) };
            Picture { name, ..picture }
        }));
        all.warnings.extend(found.warnings);
    }
    Ok(all)
}

fn from_folders(images: &Path, masks: &Path) -> Result<Source> {
    let images = entries(images)?.into_iter().filter(|path| is_image(path)).collect();
    let files = entries(masks)?.into_iter().filter(|path| crate::image_file::is_picture(path));
    paired(images, &mut MaskFolder::of_files(masks, files.collect()))
}

/// Each image with its masks. An image without a mask is an error, and so is a mask without an image.
fn paired(images: Vec<PathBuf>, masks: &mut MaskFolder) -> Result<Source> {
    let with_masks = |image: PathBuf| Ok(picture(image.clone(), Masks::Files(masks.take(&image)?)));
    let pictures: Vec<Picture> = images.into_iter().map(with_masks).collect::<Result<_>>()?;
    match masks.left().next() {
        Some(mask) => Err(Error::MissingImage { mask: mask.into(), images: masks.path.clone() }),
        None => Ok(Source { pictures, ..Source::default() }),
    }
}
