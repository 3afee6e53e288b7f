//! `cargo xtask bindings`: the library under Kotlin, Swift and Python, its packages and their suites, and the builds for
//! phones.

mod android;
mod generated;
mod ios;
mod kotlin;
mod python;
mod size;
mod swift;

use std::path::PathBuf;

use crate::cargo::{COMMON, cargo, target_folder};
use crate::shell::Outcome;

pub use android::STUBS_FOR;
pub use kotlin::natives;

const PARTS: [&str; 7] = ["generated", "write", "kotlin", "python", "swift", "ios", "android"];

/// Runs the parts named, or all but `write`.
pub fn bindings(names: &[&str]) -> Outcome {
    if let Some(name) = names.iter().find(|name| !PARTS.contains(name)) {
        return Err(format!("there is no part `{name}`: choose among {}", PARTS.join(", ")));
    }
    // The features of all other builds here, so that the graph is built once.
    cargo(&[&["build"][..], &COMMON].concat())?;
    let wanted = |name: &str| names.is_empty() && name != "write" || names.contains(&name);
    for part in PARTS.into_iter().filter(|part| wanted(part)) {
        match part {
            "generated" => generated::compare()?,
            "write" => generated::write()?,
            "kotlin" => kotlin::test()?,
            "python" => python::test()?,
            "swift" => swift::test()?,
            "ios" => ios::build()?,
            _ => android::link()?,
        }
    }
    Ok(())
}

/// Where the results of these chores go.
fn out() -> PathBuf {
    target_folder().join("bindings")
}

/// The library for this machine.
fn library() -> PathBuf {
    target_folder().join("release/libmcdrl_ffi.so")
}
