//! `cargo xtask test`: installs what the tests need and passes them all.

use crate::cargo::{COMMON, cargo};
use crate::shell::{Outcome, run, succeeds};

/// Runs every suite.
pub fn test() -> Outcome {
    vulkan()?;
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&[&["test", "--no-fail-fast"][..], &COMMON].concat())?;
    cargo(&[&["clippy", "--all-targets"][..], &COMMON, &["--", "-D", "warnings"]].concat())?;
    cargo(&[&["doc", "--no-deps"][..], &COMMON].concat())?;
    eprintln!("all suites passed");
    Ok(())
}

/// A software Vulkan driver, for the GPU backend's tests on a machine without a GPU.
fn vulkan() -> Outcome {
    let installed = || succeeds("sh", &["-c", "ls /usr/share/vulkan/icd.d/*.json"]);
    if installed() {
        return Ok(());
    }
    if !succeeds("sh", &["-c", "command -v apt-get && test \"$(id -u)\" = 0"]) {
        eprintln!("skipped: no Vulkan driver and no way to install one; GPU tests will say so");
        return Ok(());
    }
    run("apt-get", &["update"], &[])?;
    let install = ["install", "-y", "--no-install-recommends", "mesa-vulkan-drivers", "libvulkan1"];
    run("apt-get", &install, &[("DEBIAN_FRONTEND", "noninteractive")])
}
