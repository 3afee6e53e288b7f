//! Atomic file writes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Error, Result};

/// The beginning of the names of files that are being written.
pub const PART: &str = ".mcdrl-";

/// Writes a file under another name and then renames it, so that readers never see a partial file. If that fails, nothing is
/// left behind.
///
/// # Errors
/// [`Error::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    // The name is short, because that of the file can be as long as the system allows.
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let part = path.with_file_name(format!("{PART}{}-{number}.part", std::process::id()));
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        Error::io(path)(error)
    })
}
