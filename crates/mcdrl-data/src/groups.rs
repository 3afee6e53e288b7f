//! Groups: images of one patient or one video, which no split separates.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::image_file::is_image;
use crate::{Error, Result};

/// A line of `groups.csv`.
#[derive(Deserialize)]
struct Row {
    image: String,
    group: String,
}

/// The groups of a site's images by name. They come from `groups.csv` (columns `image,group`), else from the names: `seq01_007`
/// belongs to `seq01`. An image that the file does not list is a group of its own.
pub struct Groups(Option<BTreeMap<String, String>>);

impl Groups {
    /// Reads `groups.csv` if it exists. Images may have their extension there.
    ///
    /// # Errors
    /// [`Error::Text`] with the line, if the file cannot be read or lists an image twice.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.is_file() {
            return Ok(Self(None));
        }
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        // Spreadsheets write a mark in front of the text.
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let mut groups = BTreeMap::new();
        for row in reader.deserialize() {
            let Row { image, group } = row.map_err(Error::text(path))?;
            let file = Path::new(&image);
            let stem = if is_image(file) { file.with_extension("") } else { file.to_owned() };
            let name = stem.to_string_lossy().into_owned();
            if group.is_empty() {
                return Err(Error::text(path)(format!("the image `{image}` has no group")));
            }
            if groups.insert(name, group).is_some() {
                return Err(Error::text(path)(format!("the image `{image}` is listed twice")));
            }
        }
        Ok(Self(Some(groups)))
    }

    /// The group of an image.
    pub fn of(&self, name: &str) -> String {
        match &self.0 {
            Some(groups) => groups.get(name).map_or(name, String::as_str).to_owned(),
            None => by_name(name).to_owned(),
        }
    }

    /// A listed image that is not among `names`.
    pub fn stranger(&self, names: impl Fn(&str) -> bool) -> Option<&str> {
        let mut listed = self.0.iter().flat_map(BTreeMap::keys);
        listed.find(|name| !names(name)).map(String::as_str)
    }
}

/// `seq01` for `seq01_007`. A name without a number is its own group.
fn by_name(name: &str) -> &str {
    match name.rsplit_once('_') {
        Some((group, number))
            if !group.is_empty()
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            group
        }
        _ => name,
    }
}
