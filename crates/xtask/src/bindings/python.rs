//! The Python wheel: built by maturin, installed into an environment of its own, and tested there.

use std::path::PathBuf;

use crate::cargo::target_folder;
use crate::shell::{Outcome, debian_packages, root, run, run_in, succeeds};

use super::{model_224, out, size};

/// Builds the wheel with the CPU alone, which takes a fraction of the time, holds its types to mypy and runs its suite.
pub fn test() -> Outcome {
    let wheel = wheel()?;
    let python = environment().join("bin/python").to_string_lossy().into_owned();
    let pip =
        |what: &[&str]| run(&python, &[&["-m", "pip", "install", "--quiet"], what].concat(), &[]);
    pip(&[&format!("{wheel}[test]")])?;
    // The same version may have been installed before from other sources.
    pip(&["--force-reinstall", "--no-deps", &wheel])?;
    let project = root().join("bindings/python");
    run_in(&project, &python, &["-m", "mypy"], &[])?;
    // Not from the sources' folder, which has no library in it.
    let tests = project.join("tests");
    run_in(
        &tests,
        &python,
        &["-m", "pytest", "-p", "no:cacheprovider", "."],
        &[("PYTHONDONTWRITEBYTECODE", "1"), ("MCDRL_MODEL_224", &model_224()?)],
    )
}

/// Builds the wheel as it is shipped but for the GPU, and holds its library to its size.
pub fn wheel() -> Result<String, String> {
    let bin = environment().join("bin");
    let python = bin.join("python").to_string_lossy().into_owned();
    if !bin.join("pip").exists() {
        // Debian's Python comes without it, and without a file of a fixed name that says so.
        if !succeeds("python3", &["-c", "import ensurepip, venv"]) {
            debian_packages(&[("", "python3-venv")])?;
        }
        run("python3", &["-m", "venv", "--clear", &environment().to_string_lossy()], &[])?;
    }
    run(&python, &["-m", "pip", "install", "--quiet", "maturin>=1.9,<2"], &[])?;

    let project = root().join("bindings/python");
    let wheels = out().join("wheels");
    // What lies there of an earlier version is not installed again.
    let _ = std::fs::remove_dir_all(&wheels);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let target = target_folder().to_string_lossy().into_owned();
    let folder = wheels.to_string_lossy().into_owned();
    let build = ["build", "--profile", "dist", "--no-default-features", "--out", &folder];
    let maturin = bin.join("maturin").to_string_lossy().into_owned();
    run_in(&project, &maturin, &build, &[("PATH", &path), ("CARGO_TARGET_DIR", &target)])?;

    let library = target_folder().join("dist/libmcdrl_ffi.so");
    let stripped = out().join("libmcdrl_ffi.cpu.so");
    run("strip", &["-o", &stripped.to_string_lossy(), &library.to_string_lossy()], &[])?;
    size::hold("the library of Linux, CPU", &stripped, size::CPU)?;

    std::fs::read_dir(&wheels)
        .map_err(|e| format!("{folder}: {e}"))?
        .flatten()
        .map(|entry| entry.path().to_string_lossy().into_owned())
        .find(|path| path.ends_with(".whl"))
        .ok_or_else(|| "maturin wrote no wheel".into())
}

/// Python's environment, in which the wheel is built and tested.
fn environment() -> PathBuf {
    out().join("python")
}
