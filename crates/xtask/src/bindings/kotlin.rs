//! The Kotlin package on the JVM, with the library for this machine.

use std::path::PathBuf;

use crate::cargo::target_folder;
use crate::shell::{Outcome, debian_packages, root, run, succeeds};

use super::{library, out};

/// Compiles the package, runs its suite and puts it into the local Maven repository, for the Android app.
pub fn test() -> Outcome {
    if !succeeds("mvn", &["--version"]) {
        debian_packages(&[("/usr/bin/mvn", "maven")])?;
    }
    let natives = format!("-Dmcdrl.natives={}", natives()?.display());
    let pom = root().join("bindings/kotlin/pom.xml");
    let build = format!("-Dmcdrl.build={}", target_folder().join("bindings/kotlin").display());
    // Software Vulkan wants a folder of its own.
    let environment = [("XDG_RUNTIME_DIR", "/tmp")];
    let arguments = ["-q", "-B", "-f", &pom.to_string_lossy(), &natives, &build, "install"];
    run("mvn", &arguments, &environment)
}

/// A folder with the library where JNA looks for it in a jar.
pub fn natives() -> Result<PathBuf, String> {
    let folder = out().join("natives");
    let place = folder.join(if cfg!(target_arch = "aarch64") { "linux-aarch64" } else { "linux-x86-64" });
    std::fs::create_dir_all(&place).map_err(|e| format!("{}: {e}", place.display()))?;
    let stripped = place.join("libmcdrl_ffi.so");
    run("strip", &["-o", &stripped.to_string_lossy(), &library().to_string_lossy()], &[])?;
    Ok(folder)
}
