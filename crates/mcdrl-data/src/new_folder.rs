//! A folder that appears when it is complete.

use std::path::Path;

use crate::Error;

/// Lets `write` fill a folder under another name, and renames it to `out` at the end.
///
/// # Errors
/// [`Error::Exists`], [`Error::NoName`], [`Error::Io`], and those of `write`.
pub fn new_folder<E: From<Error>>(
    out: &Path,
    write: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    if out.exists() {
        return Err(Error::Exists { path: out.into() }.into());
    }
    let name = out.file_name().ok_or_else(|| Error::NoName { path: out.into() })?;
    let mut aside = name.to_owned();
    aside.push(format!(".{}.part", std::process::id()));
    let aside = out.with_file_name(aside);
    let rename = || std::fs::rename(&aside, out).map_err(|error| Error::io(out)(error).into());
    let written = write(&aside).and_then(|()| rename());
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&aside);
    }
    written
}
