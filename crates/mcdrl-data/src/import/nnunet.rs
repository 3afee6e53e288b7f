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
            (Value::Number(number), _) => (number.as_u64().unwrap_or(0) as usize, key),
            _ => {
                return Err(fault(format!(
                    "the label `{key}` has no single number; regions are not read"
                )));
            }
        };
        classes.insert(number, name);
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
        pictures.push(Picture { name: name.to_owned(), masks: Masks::Files(files), image });
    }
    if pictures.is_empty() {
        let problem = "no PNG, TIFF or JPEG image in this folder; export volumes as slices".into();
        return Err(Error::Text { path: images, problem });
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
