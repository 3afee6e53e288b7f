//! Groups: images of one patient or one video, which no split separates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use serde::Deserialize;

use crate::image_file::is_picture;
use crate::pairing::comparable;
use crate::text_file::{delimiter, read_text};
use crate::{Error, Result};

/// A line of `groups.csv`.
#[derive(Deserialize)]
struct Row {
    image: String,
    group: String,
}

/// How the groups of a site's images are known.
pub enum Groups<'a> {
    /// From `groups.csv` (columns `image,group`). An image that the file does not list is a group of its own.
    Listed(BTreeMap<String, String>),
    /// From the names, by the pattern `groups` of `dataset.toml`. The group is the text of its first parentheses, or all that
    /// it matches.
    Pattern(&'a Regex),
    /// From the names: `seq01_007` and `seq01-007` belong to `seq01`. A group has a number in its name, so `IMG_007` and
    /// `benign_7` are groups of their own.
    Guessed,
}

/// The groups of the images of a site.
pub struct Grouping {
    /// The group of each image, in the order of the names.
    pub groups: Vec<String>,
    /// What should be known about them.
    pub warning: Option<String>,
}

impl<'a> Groups<'a> {
    /// Reads `groups.csv` if it exists. Images may have their extension there.
    ///
    /// # Errors
    /// [`Error::Text`] with the line, if the file cannot be read or lists an image twice.
    pub fn read(path: &Path, pattern: Option<&'a Regex>) -> Result<Self> {
        if !path.is_file() {
            return Ok(pattern.map_or(Self::Guessed, Self::Pattern));
        }
        let text = read_text(path)?;
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.trim(csv::Trim::All).delimiter(delimiter(&text));
        let mut groups = BTreeMap::new();
        for row in reader.from_reader(text.as_bytes()).deserialize() {
            let Row { image, group } = row.map_err(Error::text(path))?;
            let file = Path::new(&image);
            let stem = if is_picture(file) { file.with_extension("") } else { file.to_owned() };
            let name = comparable(&stem.to_string_lossy());
            if group.is_empty() {
                return Err(Error::text(path)(format!("the image `{image}` has no group")));
            }
            if groups.insert(name, group).is_some() {
                return Err(Error::text(path)(format!("the image `{image}` is listed twice")));
            }
        }
        Ok(Self::Listed(groups))
    }

    /// The groups of the images of a site.
    pub fn of(&self, names: &[String]) -> Grouping {
        let group = |name: &String| -> String {
            match self {
                Self::Listed(groups) => groups.get(&comparable(name)).unwrap_or(name).clone(),
                Self::Pattern(pattern) => match pattern.captures(name) {
                    Some(found) => found.get(1).unwrap_or(found.get_match()).as_str().into(),
                    None => name.clone(),
                },
                Self::Guessed => by_name(name).into(),
            }
        };
        let groups: Vec<String> = names.iter().map(group).collect();
        let is_one = groups.iter().collect::<BTreeSet<_>>().len() == 1 && names.len() > 1;
        if is_one && matches!(self, Self::Guessed) {
            let warning = format!(
                "all names begin with `{}`, so each image is a group of its own; if they are of one patient or video, say so in \
                 groups.csv",
                groups[0]
            );
            return Grouping { groups: names.to_vec(), warning: Some(warning) };
        }
        let unmatched = match self {
            Self::Pattern(pattern) => names.iter().filter(|name| !pattern.is_match(name)).count(),
            _ => 0,
        };
        let largest = largest(&groups);
        let warning = if is_one {
            Some("all images are one group, so none of them can be held out for validation".into())
        } else if unmatched > 0 {
            Some(format!(
                "the pattern `groups` does not match {unmatched} of {} names; each of these images is a group of its own",
                names.len()
            ))
        } else if matches!(self, Self::Guessed) && names.len() >= 10 && 3 * largest.1 > names.len()
        {
            Some(format!(
                "{} of {} images are taken for one group, `{}`, by their names; if that is wrong, list the groups in groups.csv",
                largest.1,
                names.len(),
                largest.0
            ))
        } else {
            None
        };
        Grouping { groups, warning }
    }

    /// The listed images that are not among `names`, which are comparable.
    pub fn strangers(&self, names: &BTreeSet<String>) -> Vec<&str> {
        let Self::Listed(groups) = self else { return Vec::new() };
        groups.keys().filter(|name| !names.contains(*name)).map(String::as_str).collect()
    }
}

/// The largest group and the number of its images.
fn largest(groups: &[String]) -> (&str, usize) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for group in groups {
        *counts.entry(group).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or_default()
}

/// `seq01` for `seq01_007`. A name whose prefix has no number is its own group.
fn by_name(name: &str) -> &str {
    let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    match name.rsplit_once(['_', '-']) {
        Some((group, number))
            if has_digit(group)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            group
        }
        _ => name,
    }
}
