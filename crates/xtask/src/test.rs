//! `cargo xtask test`: installs what the tests need and passes them all.

use crate::bindings::bindings;
use crate::browsers::browsers;
use crate::cargo::{COMMON, cargo};
use crate::mobile::mobile;
use crate::shell::{Outcome, debian_packages};
use crate::web::web;

const VULKAN: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// Runs every suite.
pub fn test() -> Outcome {
    // A software Vulkan driver, for the GPU backend's tests on a machine without a GPU.
    debian_packages(&[(VULKAN, "mesa-vulkan-drivers"), (VULKAN, "libvulkan1")])?;
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&[&["test", "--no-fail-fast"][..], &COMMON].concat())?;
    cargo(&[&["clippy", "--all-targets"][..], &COMMON, &["--", "-D", "warnings"]].concat())?;
    cargo(&[&["doc", "--no-deps"][..], &COMMON].concat())?;
    bindings(&[])?;
    mobile()?;
    web(&[])?;
    browsers()?;
    eprintln!("all suites passed");
    Ok(())
}
