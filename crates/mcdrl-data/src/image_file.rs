//! Image files and folders on disk.

use std::fs;
use std::path::{Path, PathBuf};

use mcdrl_image::Image;

use crate::{Error, Result};

const IMAGE_EXTENSIONS: [&str; 7] = ["jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp"];

/// Reads an image file of any supported format.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::Image`] if it cannot be decoded.
pub fn read_image(path: &Path) -> Result<Image> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    Image::decode(&bytes).map_err(Error::image(path))
}

/// Whether the file has the extension of a supported image format.
pub fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    IMAGE_EXTENSIONS.contains(&extension.as_str())
}

/// The entries of a folder without hidden ones, sorted by name.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

pub fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub fn file_stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
