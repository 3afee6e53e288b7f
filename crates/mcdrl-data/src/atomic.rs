//! Atomic file writes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Writes a file under another name and then renames it, so that readers never see a partial file.
///
/// # Errors
/// [`Error::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    fs::write(&part, bytes).map_err(Error::io(&part))?;
    fs::rename(&part, path).map_err(Error::io(path))
}
