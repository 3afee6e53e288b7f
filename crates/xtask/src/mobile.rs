//! `cargo xtask mobile`: the apps, as far as a machine without a phone, a Mac or an NDK can take them.

mod apk;
mod ios;

use std::path::PathBuf;

use crate::bindings::{Suite, install_kotlin};
use crate::cargo::{COMMON, cargo, target_folder};
use crate::shell::{Outcome, root, run};

/// Tests both apps; leaves `mobile/mcdrl.apk` and `mobile/screens/*.png` in cargo's target folder and in the clone's.
pub fn mobile() -> Outcome {
    cargo(&[&["build"][..], &COMMON].concat())?;
    install_kotlin(Suite::Skipped)?;
    apk::resources()?;
    // A picture that no test writes any more is none.
    let _ = std::fs::remove_dir_all(out().join("screens"));
    let project = root().join("mobile/android").to_string_lossy().into_owned();
    let build = format!("-Dmcdrl.build={}", out().display());
    run("mvn", &["-B", "-ntp", "-f", &project, &build, "package"], &[("XDG_RUNTIME_DIR", "/tmp")])?;
    apk::package()?;
    keep()?;
    ios::test()
}

/// Puts what is to be looked at into the clone, where cargo's target folder is elsewhere.
fn keep() -> Outcome {
    let place = root().join("target/mobile");
    if place == out() {
        return Ok(());
    }
    let place = place.to_string_lossy().into_owned();
    run("mkdir", &["-p", &place], &[])?;
    let (screens, apk) = (out().join("screens"), out().join("mcdrl.apk"));
    run("cp", &["-r", &screens.to_string_lossy(), &apk.to_string_lossy(), &place], &[])
}

/// Where the results of this chore go.
fn out() -> PathBuf {
    target_folder().join("mobile")
}
