//! `cargo xtask test`: installs what the tests need and passes them all.
//!
//! One feature set and one profile throughout, so that the large dependency graph is built once for the tests
//! and checked once for clippy.

use crate::shell::{Outcome, run, succeeds};

/// The features of every build here: the deprecated backend is there for its parity test.
const FEATURES: &str = "mcdrl-model/ndarray";

pub fn test() -> Outcome {
    vulkan()?;
    run_cargo(&["fmt", "--all", "--check"])?;
    let common = ["--release", "--workspace", "--features", FEATURES];
    run_cargo(&[&["test", "--no-fail-fast"][..], &common].concat())?;
    run_cargo(&[&["clippy", "--all-targets"][..], &common, &["--", "-D", "warnings"]].concat())?;
    run_cargo(&[&["doc", "--no-deps"][..], &common].concat())?;
    eprintln!("all suites passed");
    Ok(())
}

fn run_cargo(arguments: &[&str]) -> Outcome {
    // A folder of its own quiets the Vulkan loader where a session has none.
    let environment = [("RUSTDOCFLAGS", "-D warnings"), ("XDG_RUNTIME_DIR", "/tmp")];
    run("cargo", arguments, &environment)
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
