//! nnU-Net: `imagesTr/<name>_0000.png`, `labelsTr/<name>.png` and the labels in `dataset.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Masks, Picture, Source, read_json};
use crate::image_file::{entries, file_stem, is_image};
use crate::pairing::MaskFolder;
use crate::{Error, Result};

#[derive(Deserialize)]
struct DatasetJson {
    labels: BTreeMap<String, Value>,
}

/// Finds the training images of a folder.
pub fn find(source: &Path) -> Result<Source> {
    let path = source.join("dataset.json");
    let DatasetJson { labels } = read_json(&path)?;
    let fault = |problem: String| Error::Text { path: path.clone(), problem };
    let mut classes = BTreeMap::new();
    for (key, value) in labels {
        // Version 1 writes "1": "polyp", version 2 writes "polyp": 1.
        let (number, name) = match (&value, key.parse::<usize>()) {
            (Value::String(name), Ok(number)) => (number, name.clone()),
            (Value::Number(number), _) => {
                let whole = number.as_u64().filter(|number| *number < 255);
                let wrong = || {
                    fault(format!("the label `{key}` has the number {number}; 0 to 254 are read"))
                };
                (whole.ok_or_else(wrong)? as usize, key)
            }
            _ => {
                return Err(fault(format!(
                    "the label `{key}` has no single number; regions are not read"
                )));
            }
        };
        if name == "ignore" {
            let problem = "it has the label `ignore`, which is not read; give its pixels another";
            return Err(fault(problem.into()));
        }
        if classes.insert(number, name).is_some() {
            return Err(fault(format!("two labels have the number {number}")));
        }
    }
    classes.remove(&0);
    let (images, labels) = (source.join("imagesTr"), source.join("labelsTr"));
    let files = entries(&labels)?.into_iter().filter(|path| is_image(path)).collect();
    let mut masks = MaskFolder::of_files(&labels, files);
    let mut pictures = Vec::new();
    for image in entries(&images)?.into_iter().filter(|path| is_image(path)) {
        let stem = file_stem(&image);
        let Some(name) = stem.strip_suffix("_0000") else {
            let problem =
                "nnU-Net numbers the channels of an image: give a single one, `_0000`".into();
            return Err(Error::Text { path: image, problem });
        };
        let files = masks.take(&PathBuf::from(name).with_added_extension("png"))?;
        let (name, masks) = (name.to_owned(), Masks::Files(files));
        pictures.push(Picture { name, masks, image, size: None });
    }
    if pictures.is_empty() {
        let problem = "no PNG, TIFF or JPEG image in this folder; export volumes as slices".into();
        return Err(Error::Text { path: images, problem });
    }
    if let Some(mask) = masks.left().next() {
        return Err(Error::MissingImage { mask: mask.into(), images });
    }
    let is_counted = classes.keys().copied().eq(1..=classes.len());
    let names = classes.values().cloned().collect();
    let values = if is_counted {
        BTreeMap::new()
    } else {
        classes.into_iter().chain([(0, "background".into())]).collect()
    };
    Ok(Source { pictures, classes: names, values, ..Source::default() })
}
