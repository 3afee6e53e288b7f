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

/// A part of this chore.
struct Part {
    name: &'static str,
    work: fn() -> Outcome,
    /// Whether it needs the library for this machine.
    host: bool,
    /// Whether it runs when none is named.
    usual: bool,
}

const PARTS: [Part; 8] = [
    Part { name: "generated", work: generated::compare, host: true, usual: true },
    Part { name: "write", work: generated::write, host: true, usual: false },
    Part { name: "kotlin", work: kotlin::test, host: true, usual: true },
    Part { name: "swift", work: swift::test, host: true, usual: true },
    Part { name: "python", work: python::test, host: true, usual: true },
    Part { name: "ios", work: ios::check, host: false, usual: true },
    Part { name: "android", work: android::check, host: false, usual: true },
    Part { name: "phones", work: phones, host: false, usual: false },
];

/// Runs the parts named, or those that continuous integration runs.
pub fn bindings(names: &[&str]) -> Outcome {
    let known = PARTS.map(|part| part.name);
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no part `{name}`: choose among {}", known.join(", ")));
    }
    let wanted = |part: &&Part| names.contains(&part.name) || names.is_empty() && part.usual;
    if PARTS.iter().filter(wanted).any(|part| part.host) {
        // With the features of all other builds here, so that the graph is built once.
        cargo(&[&["build", "--all-targets"][..], &COMMON].concat())?;
    }
    PARTS.iter().filter(wanted).try_for_each(|part| (part.work)())
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
