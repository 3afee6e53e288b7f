//! `cargo xtask mobile`: the apps, as far as a machine without a phone, a Mac or an NDK can take them.

mod apk;
mod ios;

use std::path::PathBuf;

use crate::bindings::{Suite, install_kotlin};
use crate::cargo::{COMMON, cargo, target_folder};
use crate::shell::{Outcome, root, run};

/// Tests both apps; leaves `mobile/mcdrl.apk` and `mobile/screens/*.png` in cargo's target folder.
pub fn mobile() -> Outcome {
    cargo(&[&["build"][..], &COMMON].concat())?;
    install_kotlin(Suite::Skipped)?;
    apk::resources()?;
    let project = root().join("mobile/android").to_string_lossy().into_owned();
    let build = format!("-Dmcdrl.build={}", out().display());
    run("mvn", &["-B", "-ntp", "-f", &project, &build, "package"], &[("XDG_RUNTIME_DIR", "/tmp")])?;
    apk::package()?;
    ios::test()
}

/// Where the results of this chore go.
fn out() -> PathBuf {
    target_folder().join("mobile")
}
