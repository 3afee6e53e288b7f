//! `cargo xtask bindings`: the library under Kotlin, Swift and Python, its packages and their suites, and the builds for
//! phones.

mod android;
mod generated;
mod ios;
mod kotlin;
mod phone;
mod python;
mod size;
mod swift;

use std::path::PathBuf;

use crate::cargo::{COMMON, cargo, target_folder};
use crate::shell::{Outcome, run};

pub use kotlin::{Suite, install as install_kotlin};
pub use swift::swift;

type Part = fn() -> Outcome;

/// The parts, and whether each is one of those that run when none is named.
const PARTS: [(&str, Part, bool); 8] = [
    ("generated", generated::compare, true),
    ("write", generated::write, false),
    ("kotlin", kotlin::test, true),
    ("swift", swift::test, true),
    ("python", python::test, true),
    ("ios", ios::check, true),
    ("android", android::check, true),
    ("phones", phones, false),
];

/// Runs the parts named, or those that continuous integration runs.
pub fn bindings(names: &[&str]) -> Outcome {
    let known = PARTS.map(|(name, ..)| name);
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no part `{name}`: choose among {}", known.join(", ")));
    }
    // With the features of all other builds here, so that the graph is built once.
    cargo(&[&["build", "--all-targets"][..], &COMMON].concat())?;
    for (name, part, usual) in PARTS {
        if names.contains(&name) || names.is_empty() && usual {
            part()?;
        }
    }
    Ok(())
}

/// The wheel, for which a library is built that none of the other parts has.
pub fn wheel() -> Outcome {
    python::wheel().map(drop)
}

/// The libraries for phones, as far as continuous integration builds them.
pub fn links() -> Outcome {
    ios::check()?;
    android::check()
}

/// Every library for phones and simulators as it is shipped, held to its size. It takes long.
fn phones() -> Outcome {
    ios::ship()?;
    android::ship()
}

/// Where the results of these chores go.
fn out() -> PathBuf {
    target_folder().join("bindings")
}

/// A model at CLIP's usual 224², on which the packages measure what a call costs.
fn model_224() -> Result<String, String> {
    let program = target_folder().join("release/examples/model_224");
    let model = out().join("model-224.safetensors").to_string_lossy().into_owned();
    std::fs::create_dir_all(out()).map_err(|e| format!("{}: {e}", out().display()))?;
    run(&program.to_string_lossy(), &[&model], &[])?;
    Ok(model)
}

/// The library for this machine.
fn library() -> PathBuf {
    target_folder().join("release/libmcdrl_ffi.so")
}
