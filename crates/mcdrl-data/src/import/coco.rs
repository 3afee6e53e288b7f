//! COCO: one JSON file with the images, the categories and an area for each object.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::outline::Area;
use super::{Masks, Picture, Source, image_of, picture, read_json};
use crate::image_file::entries;
use crate::{Error, Result};

#[derive(Deserialize)]
struct Coco {
    images: Vec<CocoImage>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct CocoImage {
    id: u64,
    file_name: String,
    width: Option<usize>,
    height: Option<usize>,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    category_id: u64,
    segmentation: Option<Segmentation>,
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    /// Polygons: x, y, x, y …
    Polygons(Vec<Vec<f64>>),
    Runs {
        size: [usize; 2],
        counts: Counts,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    Lengths(Vec<usize>),
    Packed(String),
}

/// Finds the images of a JSON file, or of the only one in a folder or its folder `annotations`.
pub fn find(source: &Path) -> Result<Source> {
    let path = json_file(source)?;
    let coco: Coco = read_json(&path)?;
    let fault = |problem: String| Error::Text { path: path.clone(), problem };
    let mut categories = coco.categories;
    categories.sort_by_key(|category| category.id);
    if categories.is_empty() || categories.len() >= usize::from(u8::MAX) {
        return Err(fault(format!("it has {} categories; 1 to 254 are read", categories.len())));
    }
    let names: BTreeSet<&String> = categories.iter().map(|category| &category.name).collect();
    if names.len() < categories.len() {
        return Err(fault("two categories have the same name".into()));
    }
    let numbers: BTreeMap<u64, u8> =
        categories.iter().map(|category| category.id).zip(1..).collect();
    let mut areas: BTreeMap<u64, Vec<(u8, Area)>> = BTreeMap::new();
    let (mut boxes, mut crowds) = (0, 0);
    for annotation in coco.annotations {
        let class = numbers.get(&annotation.category_id).ok_or_else(|| {
            fault(format!(
                "an annotation has the category {}, which it does not name",
                annotation.category_id
            ))
        })?;
        if annotation.iscrowd != 0 {
            crowds += 1;
            continue;
        }
        let found = annotation.segmentation.map(areas_of).transpose().map_err(fault)?;
        let found = found.unwrap_or_default();
        boxes += usize::from(found.is_empty());
        let of_image = areas.entry(annotation.image_id).or_default();
        of_image.extend(found.into_iter().map(|area| (*class, area)));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut pictures = Vec::with_capacity(coco.images.len());
    for image in coco.images {
        let file = image_of(folder, &image.file_name).ok_or_else(|| {
            fault(format!("the image {} is neither beside it nor in `images`", image.file_name))
        })?;
        let mut areas = areas.remove(&image.id).unwrap_or_default();
        // A small lesion on a large one stays visible.
        areas.sort_by(|a, b| b.1.extent().total_cmp(&a.1.extent()));
        let size = image.width.zip(image.height);
        pictures.push(Picture { size, ..picture(file, Masks::Areas(areas)) });
    }
    if let Some(image) = areas.keys().next() {
        return Err(fault(format!(
            "an annotation is of the image {image}, which it does not list"
        )));
    }
    let classes = categories.into_iter().map(|category| category.name).collect();
    let mut warnings = Vec::new();
    for (count, what) in [(boxes, "have no outline"), (crowds, "are crowds (`iscrowd`)")] {
        if count > 0 {
            warnings.push(format!("{count} annotations {what} and were left out"));
        }
    }
    Ok(Source { pictures, classes, warnings, ..Source::default() })
}

fn json_file(source: &Path) -> Result<PathBuf> {
    if source.is_file() {
        return Ok(source.into());
    }
    for folder in [source.to_owned(), source.join("annotations")] {
        if !folder.is_dir() {
            continue;
        }
        let is_json = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
        let found: Vec<PathBuf> = entries(&folder)?.into_iter().filter(is_json).collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one.clone()),
            _ => {
                return Err(Error::Config(format!(
                    "{}: several JSON files; name one of them",
                    folder.display()
                )));
            }
        }
    }
    Err(Error::Config(format!("{}: no JSON file of COCO", source.display())))
}

fn areas_of(segmentation: Segmentation) -> Result<Vec<Area>, String> {
    match segmentation {
        Segmentation::Polygons(polygons) => {
            let corners =
                |polygon: Vec<f64>| polygon.chunks_exact(2).map(|c| [c[0], c[1]]).collect();
            Ok(polygons.into_iter().map(|polygon| Area::Polygon(corners(polygon))).collect())
        }
        Segmentation::Runs { size: [height, width], counts } => {
            let lengths = match counts {
                Counts::Lengths(lengths) => lengths,
                Counts::Packed(packed) => unpacked(&packed)?,
            };
            Ok(vec![Area::Runs { size: [width, height], lengths }])
        }
    }
}

/// The lengths in COCO's packed form: numbers of five bits a letter, from the fourth on as differences to the one before the
/// last (`rleFrString` of pycocotools).
fn unpacked(packed: &str) -> Result<Vec<usize>, String> {
    const FIRST: u8 = 48;
    let wrong = || "the run lengths of a mask are damaged".to_owned();
    let mut lengths: Vec<i64> = Vec::new();
    let (mut number, mut shift) = (0i64, 0);
    for letter in packed.bytes() {
        let bits = letter.checked_sub(FIRST).filter(|bits| *bits < 64).ok_or_else(wrong)?;
        if shift > 50 {
            return Err(wrong());
        }
        number |= i64::from(bits & 0x1f) << shift;
        shift += 5;
        if bits & 0x20 != 0 {
            continue;
        }
        if bits & 0x10 != 0 {
            number |= -1 << shift;
        }
        let before = if lengths.len() > 2 { lengths[lengths.len() - 2] } else { 0 };
        lengths.push(before.checked_add(number).ok_or_else(wrong)?);
        (number, shift) = (0, 0);
    }
    lengths.into_iter().map(|length| usize::try_from(length).map_err(|_| wrong())).collect()
}

#[cfg(test)]
mod tests {
    use super::unpacked;

    #[test]
    fn packed_run_lengths_are_those_of_pycocotools() {
        // mask = zeros((9, 11)); mask[2:7, 3:8] = 1, by pycocotools 2.0
        assert_eq!(unpacked("m0540000000i0").unwrap(), [29, 5, 4, 5, 4, 5, 4, 5, 4, 5, 29]);
        assert!(unpacked("\u{1}").is_err());
    }
}
