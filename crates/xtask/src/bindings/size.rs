//! Libraries that are shipped stay small.

use std::path::Path;

use crate::shell::Outcome;

/// Megabytes that a library with the CPU backend alone may have, stripped.
pub const CPU: u64 = 6;

/// Megabytes that a library with both backends may have, stripped.
pub const GPU: u64 = 25;

/// Prints the size of a stripped library and holds it to a limit in 10⁶ bytes.
pub fn hold(what: &str, stripped: &Path, limit: u64) -> Outcome {
    let length =
        std::fs::metadata(stripped).map_err(|e| format!("{}: {e}", stripped.display()))?.len();
    let megabytes = length as f64 / 1e6;
    eprintln!("{what}: {megabytes:.1} MB stripped, of at most {limit}");
    if length > limit * 1_000_000 {
        return Err(format!("{what} has {megabytes:.1} MB, more than {limit}"));
    }
    Ok(())
}
