//! The images among the files and folders of the command line, and the names of their results.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use mcdrl::data::{MASK_FOLDERS, comparable, entries, file_stem, is_image};

use crate::error::{Failure, Outcome};
use crate::maps::MAP;

/// The endings of results.
pub const MASK: &str = ".mask.png";
pub const OVERLAY: &str = ".overlay.png";
pub const DICOM_SEG: &str = ".seg.dcm";

/// The longest name of a result without its ending, bytes. File systems allow 255 for a whole name.
const LONGEST_NAME: usize = 200;

/// An image to segment.
pub struct Input {
    /// Its file.
    pub path: PathBuf,
    /// The name of its results, without their ending.
    pub name: String,
    /// Whether the command line names the file itself. Otherwise it was found in a folder.
    pub is_named: bool,
}

/// The images, and what was left out of the folders.
pub struct Inputs {
    pub images: Vec<Input>,
    /// One sentence each.
    pub left_out: Vec<String>,
}

impl Inputs {
    /// Finds the images. A result has the name of its file. If two names are equal, the names of the folders are put before it,
    /// or a number after it.
    pub fn find(inputs: &[PathBuf]) -> Outcome<Self> {
        let mut walk = Walk::default();
        for input in inputs {
            if !input.is_dir() {
                walk.files.push((input.clone(), true));
                continue;
            }
            walk.folder(input)?;
        }
        if let (true, Some(input)) = (walk.files.is_empty(), inputs.first()) {
            let shown = input.display();
            return Err(Failure::Failed(format!(
                "{shown}: no jpg, png, tif, bmp, webp or DICOM image in this folder"
            )));
        }
        let mut taken = HashSet::new();
        let images = std::mem::take(&mut walk.files).into_iter().map(|(path, is_named)| {
            let name = unused_name(&path, &mut taken);
            Input { path, name, is_named }
        });
        let images = images.collect();
        Ok(Self { images, left_out: walk.left_out() })
    }
}

/// A walk through folders.
#[derive(Default)]
struct Walk {
    files: Vec<(PathBuf, bool)>,
    visited: HashSet<PathBuf>,
    results: usize,
    broken: Vec<PathBuf>,
    /// Files of other kinds by extension.
    others: BTreeMap<String, usize>,
}

impl Walk {
    /// Collects the images under a folder in order. Skips hidden files, folders of masks, results, and
    /// folders that it has seen.
    fn folder(&mut self, folder: &Path) -> Outcome {
        let own = folder.canonicalize().map_err(Failure::io(folder))?;
        if !self.visited.insert(own) {
            return Ok(());
        }
        for path in entries(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            if path.is_dir() {
                if !MASK_FOLDERS.contains(&name.as_str()) {
                    self.folder(&path)?;
                }
            } else if !path.exists() {
                self.broken.push(path);
            } else if is_result(&name) {
                self.results += 1;
            } else if is_image(&path) {
                self.files.push((path, false));
            } else {
                let extension = path.extension().unwrap_or_default().to_string_lossy();
                *self.others.entry(extension.to_lowercase()).or_default() += 1;
            }
        }
        Ok(())
    }

    fn left_out(self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.results > 0 {
            sentences.push(format!("{} results of earlier runs were left out", self.results));
        }
        for path in &self.broken {
            sentences.push(format!("{}: a link to nothing was left out", path.display()));
        }
        if !self.others.is_empty() {
            let kind = |(extension, count): (&String, &usize)| match extension.as_str() {
                "" => format!("{count} without extension"),
                extension => format!("{count} .{extension}"),
            };
            let kinds: Vec<String> = self.others.iter().map(kind).collect();
            sentences.push(format!("files of other kinds were left out: {}", kinds.join(", ")));
        }
        sentences
    }
}

/// Whether a file has the name of a result.
fn is_result(name: &str) -> bool {
    let is_map = name.contains(MAP) && [".png", ".npy"].iter().any(|end| name.ends_with(end));
    is_map || [MASK, OVERLAY, DICOM_SEG].iter().any(|ending| name.ends_with(ending))
}

fn unused_name(path: &Path, taken: &mut HashSet<String>) -> String {
    let short = file_stem(path);
    let mut name = fitting(&short);
    let mut folders = path.ancestors().skip(1).filter(|folder| folder.file_name().is_some());
    let mut long = short.clone();
    let mut number = 2..;
    // Some file systems take names that differ in case, or in how accents are written, for one.
    while !taken.insert(comparable(&name).to_lowercase()) {
        name = match folders.next() {
            Some(folder) => {
                let folder = folder.file_name().unwrap_or_default().to_string_lossy();
                long = format!("{folder}-{long}");
                fitting(&long)
            }
            None => fitting(&format!("{short}-{}", number.next().unwrap_or_default())),
        };
    }
    name
}

/// A name that a file system takes: the end of a long one is replaced by its hash.
fn fitting(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.into();
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let mut kept = LONGEST_NAME - 17;
    while !name.is_char_boundary(kept) {
        kept -= 1;
    }
    format!("{}-{:016x}", &name[..kept], hasher.finish())
}
