//! `cargo xtask test`: installs what the tests need and passes them all.

use std::time::Instant;

use crate::bindings::{bindings, links, wheel};
use crate::browsers::browsers;
use crate::cargo::{COMMON, cargo};
use crate::mobile::mobile;
use crate::shell::{Outcome, debian_packages, side_by_side};
use crate::web::{compile, web};

const VULKAN: &str = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

/// Runs every suite.
pub fn test() -> Outcome {
    // A software Vulkan driver, for the GPU backend's tests on a machine without a GPU.
    debian_packages(&[(VULKAN, "mesa-vulkan-drivers"), (VULKAN, "libvulkan1")])?;
    cargo(&["fmt", "--all", "--check"])?;
    timed("native build", || cargo(&[&["test", "--no-run"][..], &COMMON].concat()))?;
    timed("native tests, builds", tests_and_builds)?;
    timed("bindings", || bindings(&[]))?;
    timed("mobile", mobile)?;
    timed("web", || web(&[]))?;
    timed("browsers", browsers)?;
    eprintln!("all suites passed");
    Ok(())
}

/// The tests, and beside them what shares no compilation with them or with each other, the longest first; the suites find
/// it done.
fn tests_and_builds() -> Outcome {
    let tests = || cargo(&[&["test", "--no-fail-fast"][..], &COMMON].concat());
    let (gpu, threads, cpu) = (|| compile("gpu"), || compile("threads"), || compile("cpu"));
    side_by_side(&[&tests, &gpu, &threads, &cpu, &wheel, &links, &lints])
}

/// Clippy and the documentation, whose dependencies are compiled alike.
fn lints() -> Outcome {
    cargo(&[&["clippy", "--all-targets"][..], &COMMON, &["--", "-D", "warnings"]].concat())?;
    cargo(&[&["doc", "--no-deps"][..], &COMMON].concat())
}

/// Says what a stage took: from nothing all of them together are to take an hour on two cores.
fn timed(stage: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    let started = Instant::now();
    work()?;
    eprintln!("== {stage}: {:.1} minutes", started.elapsed().as_secs_f64() / 60.0);
    Ok(())
}
