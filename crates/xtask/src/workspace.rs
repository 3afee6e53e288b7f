//! Folders and functions that the chores share.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

/// The top of the repository. Cargo names it at run time, because a target folder may outlive its clone.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    package.ancestors().nth(2).unwrap_or(Path::new(".")).to_path_buf()
}

/// Cargo's target folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The output folder of the packages' chores.
pub fn out() -> PathBuf {
    target().join("bindings")
}

/// The folder of the pre-trained encoders.
pub fn weights() -> PathBuf {
    std::env::var_os("MCDRL_WEIGHTS").map_or_else(|| target().join("weights"), PathBuf::from)
}

/// The builds of a profile. `folder` is the target folder, or for another machine the folder of its triple in it.
pub fn built(folder: &Path, profile: &str) -> PathBuf {
    folder.join(if profile == "dev" { "debug" } else { profile })
}

/// A shell at the top of the repository.
pub fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    sh.change_dir(root());
    sh.set_var("CARGO_TARGET_DIR", target());
    // The packages measure their overhead on a model with inputs of 224², CLIP's usual size.
    sh.set_var("MCDRL_MODEL_224", target().join("model-224.safetensors"));
    sh.set_var("MCDRL_WEIGHTS", weights());
    sh.set_var("PYTHONDONTWRITEBYTECODE", "1");
    // The Vulkan loader prints a warning if this variable is not set.
    sh.set_var("XDG_RUNTIME_DIR", "/tmp");
    Ok(sh)
}

/// Lets a shell's cargo build the standard library from source. Build scripts watch these variables and would run again, so
/// such builds have their own target folder. Returns that folder.
pub fn std_from_source(sh: &Shell) -> PathBuf {
    let folder = target().join("std-from-source");
    sh.set_var("CARGO_TARGET_DIR", &folder);
    sh.set_var("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
    sh.set_var("RUSTC_BOOTSTRAP", "1");
    folder
}

/// Runs two functions in parallel.
pub fn side_by_side(one: fn() -> Result<()>, other: impl Fn() -> Result<()>) -> Result<()> {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        other().and(one.join().expect("work returns its errors"))
    })
}

/// Prints the time that a stage took.
pub fn timed(stage: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let started = Instant::now();
    work()?;
    eprintln!("== {stage}: {:.1} minutes", started.elapsed().as_secs_f64() / 60.0);
    Ok(())
}

/// Installs the parts of Rust's toolchain that the builds for browsers and phones need.
pub fn toolchain(sh: &Shell) -> Result<()> {
    let targets = ["wasm32-unknown-unknown", "aarch64-apple-ios", "aarch64-linux-android"];
    cmd!(sh, "rustup target add {targets...}").run()?;
    Ok(cmd!(sh, "rustup component add llvm-tools rust-src").run()?)
}

/// Installs the Debian packages that are missing. Prints "skipped" if it cannot.
pub fn debian(sh: &Shell, packages: &[&str]) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let missing: Vec<_> =
        packages.iter().filter(|package| !succeeds(sh, &["dpkg", "-s", package])).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !succeeds(sh, &["sh", "-c", "command -v apt-get && test \"$(id -u)\" = 0"]) {
        eprintln!("skipped: installing {missing:?} needs root and apt-get");
        return Ok(());
    }
    let _quiet = sh.push_env("DEBIAN_FRONTEND", "noninteractive");
    cmd!(sh, "apt-get update").run()?;
    Ok(cmd!(sh, "apt-get install -y --no-install-recommends {missing...}").run()?)
}

/// Whether a command succeeds. Its output is hidden.
pub fn succeeds(sh: &Shell, command: &[&str]) -> bool {
    cmd!(sh, "env {command...}").quiet().output().is_ok()
}

/// Prints the size of a file and checks it against a limit in 10⁶ bytes.
pub fn hold_size(what: &str, file: &Path, limit: f64) -> Result<()> {
    let megabytes = file.metadata()?.len() as f64 / 1e6;
    ensure!(megabytes <= limit, "{what} has {megabytes:.1} MB, more than {limit} MB");
    eprintln!("{what}: {megabytes:.1} MB, limit {limit} MB");
    Ok(())
}
