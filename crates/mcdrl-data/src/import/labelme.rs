//! labelme: a JSON file beside each image, with polygons, rectangles and circles.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::outline::Area;
use super::{Masks, Picture, Source, class_number, image_of, picture, read_json};
use crate::image_file::{entries, file_stem, is_image};
use crate::{Error, Result};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Labelled {
    image_path: Option<String>,
    image_width: Option<usize>,
    image_height: Option<usize>,
    shapes: Vec<Shape>,
}

#[derive(Deserialize)]
struct Shape {
    label: String,
    points: Vec<[f64; 2]>,
    #[serde(default = "polygon")]
    shape_type: String,
}

fn polygon() -> String {
    "polygon".into()
}

/// Finds the JSON files of a folder and their images. The labels are the classes, in alphabetical order. An image without a
/// JSON file has no lesion.
pub fn find(source: &Path) -> Result<Source> {
    let files = entries(source)?;
    let is_json = |path: &&PathBuf| path.extension().is_some_and(|end| end == "json");
    let mut labelled = Vec::new();
    for path in files.iter().filter(is_json) {
        labelled.push((path, read_json::<Labelled>(path)?));
    }
    if labelled.is_empty() {
        return Err(Error::Config(format!("{}: no JSON file of labelme", source.display())));
    }
    let labels: BTreeSet<&String> = labelled
        .iter()
        .flat_map(|(_, file)| file.shapes.iter().map(|shape| &shape.label))
        .collect();
    let classes: Vec<String> = labels.into_iter().cloned().collect();
    let (mut pictures, mut warnings) = (Vec::new(), Vec::new());
    for (path, file) in &labelled {
        let fault = |problem: String| Error::Text { path: path.to_path_buf(), problem };
        let stated = file.image_path.as_deref().and_then(|stated| image_of(source, stated));
        let of_name = || {
            files
                .iter()
                .find(|image| is_image(image) && file_stem(image) == file_stem(path))
                .cloned()
        };
        let image = stated.or_else(of_name).ok_or_else(|| {
            let stated = file.image_path.as_deref().unwrap_or("of this name");
            fault(format!("the image {stated} is not beside it"))
        })?;
        let mut areas = Vec::new();
        for shape in &file.shapes {
            let class = class_number(&classes, &shape.label).ok_or_else(|| {
                fault(format!("there are {} labels; 254 are read", classes.len()))
            })?;
            if shape.shape_type == "mask" {
                let problem = "shapes of the type `mask` are not read; convert them to polygons";
                return Err(fault(problem.into()));
            }
            match area(shape) {
                Some(area) => areas.push((class, area)),
                None => warnings.push(format!(
                    "{}: a {} of `{}` has no area and was left out",
                    path.display(),
                    shape.shape_type,
                    shape.label
                )),
            }
        }
        areas.sort_by(|a, b| b.1.extent().total_cmp(&a.1.extent()));
        let size = file.image_width.zip(file.image_height);
        pictures.push(Picture { size, ..picture(image, Masks::Areas(areas)) });
    }
    let named: BTreeSet<PathBuf> = pictures.iter().map(|picture| picture.image.clone()).collect();
    let others = files.iter().filter(|path| is_image(path) && !named.contains(*path));
    let without: Vec<_> =
        others.map(|image| picture(image.clone(), Masks::Areas(Vec::new()))).collect();
    if !without.is_empty() {
        warnings.push(format!("{} images have no JSON file: they have no lesion", without.len()));
        pictures.extend(without);
    }
    Ok(Source { pictures, classes, warnings, ..Source::default() })
}

fn area(shape: &Shape) -> Option<Area> {
    match (shape.shape_type.as_str(), shape.points.as_slice()) {
        ("polygon", [_, _, _, ..]) => Some(Area::Polygon(shape.points.clone())),
        ("rectangle", [[x0, y0], [x1, y1]]) => {
            Some(Area::Polygon(vec![[*x0, *y0], [*x1, *y0], [*x1, *y1], [*x0, *y1]]))
        }
        ("circle", [center, rim]) => {
            Some(Area::Circle(*center, (rim[0] - center[0]).hypot(rim[1] - center[1])))
        }
        _ => None,
    }
}
