//! Image files and folders on disk.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use mcdrl_image::Image;

use crate::{Error, Result};

const IMAGE_EXTENSIONS: [&str; 8] = ["jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp", "dcm"];

/// Reads an image file of any supported format.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Image`] if it cannot be decoded.
pub fn read_image(path: &Path) -> Result<Image> {
    Image::decode(&read_file(path)?).map_err(Error::image(path))
}

/// The bytes of a file.
///
/// # Errors
/// [`Error::Io`]
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::io(path))
}

/// Whether the file has the extension of a supported image format, or is a DICOM file. Archives give those any name.
pub fn is_image(path: &Path) -> bool {
    has_extension(path, &IMAGE_EXTENSIONS) || has_dicom_mark(path)
}

/// Whether the file has the mark of DICOM and is no directory of an archive.
fn has_dicom_mark(path: &Path) -> bool {
    let mut start = [0; 132];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start.ends_with(b"DICM") && file_name(path) != "DICOMDIR"
}

/// Whether the file can be a picture of a dataset: an image, or a GIF mask.
pub fn is_picture(path: &Path) -> bool {
    is_image(path) || has_extension(path, &["gif"])
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    extensions.contains(&extension.as_str())
}

/// The entries of a folder, sorted by name, without hidden ones and without what systems leave behind (`__MACOSX`).
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let name = file_name(&path);
        if !name.starts_with('.') && name != "__MACOSX" {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The name of a file.
pub fn file_name(path: &Path) -> String {
    shown(path.file_name().unwrap_or_default())
}

/// The name of a file without its extension. A number is no extension: archives name DICOM files `1.2.840.113619.7`.
pub fn file_stem(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default().as_encoded_bytes();
    match extension.iter().all(u8::is_ascii_digit) {
        true => file_name(path),
        false => shown(path.file_stem().unwrap_or_default()),
    }
}

/// A name as text. Old systems wrote names in Latin-1, whose bytes are the first 256 characters of Unicode.
fn shown(name: &OsStr) -> String {
    match name.to_str() {
        Some(name) => name.into(),
        None => name.as_encoded_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }
}
