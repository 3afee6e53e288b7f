//! Imports: from common layouts to a dataset folder.
//!
//! An import copies images as they are. Masks that are files are copied too; those that are outlines are drawn.

mod coco;
mod labelme;
mod nnunet;
mod outline;
mod public_sets;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use mcdrl_image::Mask;
use serde::Serialize;

use crate::image_file::{file_name, file_stem};
use crate::new_folder::new_folder;
use crate::pairing::comparable;
use crate::{Error, Result, write_atomic};

/// A layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Kvasir-SEG, CVC-ClinicDB and others: `images` and `masks`.
    Kvasir,
    /// ISIC: images in one folder, `<name>_segmentation.png` in the same or another.
    Isic,
    /// BUSI: folders of classes, each with `<name>.png` and `<name>_mask.png`.
    Busi,
    /// COCO: a JSON file with polygons or run lengths, and images.
    Coco,
    /// labelme: a JSON file beside each image.
    Labelme,
    /// nnU-Net: `imagesTr`, `labelsTr` and `dataset.json`.
    Nnunet,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The name of the site.
    pub site: String,
    /// The classes. Empty if the layout names none: everything but 0 is then the lesion.
    pub classes: Vec<String>,
    /// The number of images.
    pub images: usize,
    /// The images without an outline. `None` if the masks are files, which were copied and not looked at.
    pub without_lesion: Option<usize>,
    /// Remarks, one sentence each.
    pub warnings: Vec<String>,
}

/// What a layout contains.
#[derive(Default)]
struct Source {
    pictures: Vec<Picture>,
    classes: Vec<String>,
    /// The table `[values]`, if the masks have other values than the numbers of their classes.
    values: BTreeMap<usize, String>,
    warnings: Vec<String>,
}

/// An image with its masks.
struct Picture {
    image: PathBuf,
    /// The name in the dataset, without extension.
    name: String,
    masks: Masks,
    /// The width and the height that its annotations state.
    size: Option<(usize, usize)>,
}

/// The masks of an image.
enum Masks {
    /// Files; several are parts of one mask.
    Files(Vec<PathBuf>),
    /// Areas that are drawn in order: of which class, from 1.
    Areas(Vec<(u8, outline::Area)>),
}

impl Layout {
    /// The layouts with their names.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("kvasir", Self::Kvasir),
        ("isic", Self::Isic),
        ("busi", Self::Busi),
        ("coco", Self::Coco),
        ("labelme", Self::Labelme),
        ("nnunet", Self::Nnunet),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        let known = Self::NAMES.iter().find(|(_, layout)| *layout == self);
        known.map_or("", |(name, _)| name)
    }

    fn find(self, source: &Path) -> Result<Source> {
        match self {
            Self::Kvasir => public_sets::kvasir(source),
            Self::Isic => public_sets::isic(source),
            Self::Busi => public_sets::busi(source),
            Self::Coco => coco::find(source),
            Self::Labelme => labelme::find(source),
            Self::Nnunet => nnunet::find(source),
        }
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::NAMES.iter().find(|(known, _)| *known == name);
        known.map(|(_, layout)| *layout).ok_or_else(|| {
            format!("no layout `{name}`: {}", Self::NAMES.map(|(name, _)| name).join(", "))
        })
    }
}

/// Writes a dataset folder with one site.
///
/// - `source`: the folder of the layout, or the file of a COCO layout
/// - `site`: the name of the site
/// - `out`: a folder that does not exist; it appears when it is complete
/// - `progress`: takes the number of images, and returns what is told how many are written
///
/// # Errors
/// The first file that is missing, broken or ambiguous; [`Error::Exists`], [`Error::Io`].
pub fn import<P: Fn(usize)>(
    layout: Layout,
    source: &Path,
    site: &str,
    out: &Path,
    progress: impl FnOnce(usize) -> P,
) -> Result<Imported> {
    let is_name = !site.is_empty() && !site.contains(['/', '\\']) && !site.starts_with('.');
    if !is_name {
        return Err(Error::Config(format!("`{site}` is no name for a site; give it another")));
    }
    let found = layout.find(source)?;
    if found.pictures.is_empty() {
        return Err(Error::NoImages { path: source.into() });
    }
    let mut names = BTreeSet::new();
    for picture in &found.pictures {
        if !names.insert(comparable(&picture.name).to_lowercase()) {
            return Err(Error::DuplicateName { path: picture.image.clone() });
        }
    }
    let outlines = found.pictures.iter().map(|picture| match &picture.masks {
        Masks::Files(_) => None,
        Masks::Areas(areas) => Some(usize::from(areas.is_empty())),
    });
    let without_lesion = outlines.sum();
    new_folder(out, |folder| -> Result<()> {
        let [images, masks] = ["images", "masks"].map(|name| folder.join(site).join(name));
        for folder in [&images, &masks] {
            fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let done = progress(found.pictures.len());
        for (number, picture) in found.pictures.iter().enumerate() {
            picture.write(&images, &masks)?;
            done(number + 1);
        }
        found.write_toml(&folder.join("dataset.toml"))
    })?;
    Ok(Imported {
        site: site.into(),
        images: found.pictures.len(),
        classes: found.classes,
        without_lesion,
        warnings: found.warnings,
    })
}

impl Source {
    fn write_toml(&self, path: &Path) -> Result<()> {
        if self.classes.is_empty() {
            return Ok(());
        }
        let mut toml = toml::Table::new();
        toml.insert("classes".into(), self.classes.clone().into());
        if !self.values.is_empty() {
            let values =
                self.values.iter().map(|(value, class)| (value.to_string(), class.clone()));
            toml.insert("values".into(), values.collect::<BTreeMap<_, _>>().into());
        }
        write_atomic(path, toml.to_string().as_bytes())
    }
}

impl Picture {
    fn write(&self, images: &Path, masks: &Path) -> Result<()> {
        let copy = |from: &Path, to: &Path| fs::copy(from, to).map(|_| ()).map_err(Error::io(from));
        let named = |from: &Path, name: &str| match from.extension() {
            Some(extension) => format!("{name}.{}", extension.to_string_lossy()),
            None => name.to_owned(),
        };
        copy(&self.image, &images.join(named(&self.image, &self.name)))?;
        match &self.masks {
            Masks::Files(files) => {
                for (number, file) in files.iter().enumerate() {
                    let part = if number == 0 { String::new() } else { format!("_{number}") };
                    // Parts of a mask have this ending; a single mask has the name of its image.
                    let name = match files.len() {
                        1 => self.name.clone(),
                        _ => format!("{}_mask{part}", self.name),
                    };
                    copy(file, &masks.join(named(file, &name)))?;
                }
                Ok(())
            }
            Masks::Areas(areas) => self.draw(areas, masks),
        }
    }

    /// Draws the mask. Later areas lie above earlier ones.
    fn draw(&self, areas: &[(u8, outline::Area)], masks: &Path) -> Result<()> {
        let image = crate::read_image(&self.image)?;
        let (width, height) = (image.width(), image.height());
        if let Some(stated) = self.size.filter(|stated| *stated != (width, height)) {
            let problem = format!(
                "the image has {width}×{height} pixels, but its annotations are of {}×{}",
                stated.0, stated.1
            );
            return Err(Error::Text { path: self.image.clone(), problem });
        }
        let mut classes = vec![0; width * height];
        for (class, area) in areas {
            area.fill(&mut classes, [width, height], *class)
                .map_err(|problem| Error::Text { path: self.image.clone(), problem })?;
        }
        let path = masks.join(format!("{}.png", self.name));
        let mask = Mask::from_classes(width, height, classes).map_err(Error::image(&path))?;
        write_atomic(&path, &mask.encode_png().map_err(Error::image(&path))?)
    }
}

/// The picture of an image, named as its file.
fn picture(image: PathBuf, masks: Masks) -> Picture {
    Picture { name: file_stem(&image), image, masks, size: None }
}

/// The number of a class, from 1, by its name.
fn class_number(classes: &[String], name: &str) -> Option<u8> {
    let place = classes.iter().position(|class| class == name)?;
    u8::try_from(place + 1).ok().filter(|number| *number < u8::MAX)
}

/// A JSON file.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_str(&crate::text_file::read_text(path)?).map_err(Error::text(path))
}

/// The file that an annotation names: at that path, or by its name in a folder of images beside it.
fn image_of(folder: &Path, stated: &str) -> Option<PathBuf> {
    // Windows writes other separators.
    let stated = stated.replace('\\', "/");
    let name = file_name(Path::new(&stated));
    let places = [stated.as_str(), name.as_str()].map(PathBuf::from);
    let beside =
        ["images", "train", "train2017", "JPEGImages"].map(|folder| Path::new(folder).join(&name));
    let above = [Path::new("../images").join(&name), Path::new("..").join(&stated)];
    let all = places.into_iter().chain(beside).chain(above);
    all.map(|place| folder.join(place)).find(|path| path.is_file())
}
