//! The Kotlin package on the JVM, with the library for this machine.

use std::path::PathBuf;

use crate::shell::{Outcome, debian_packages, root, run};

use super::{library, model_224, out};

/// Whether the suite runs.
#[derive(PartialEq, Eq)]
pub enum Suite {
    Run,
    Skipped,
}

/// Compiles the package and runs its suite.
pub fn test() -> Outcome {
    install(Suite::Run)
}

/// Compiles the package and puts it into the local Maven repository, for the Android app.
pub fn install(suite: Suite) -> Outcome {
    debian_packages(&[("/usr/bin/mvn", "maven")])?;
    let natives = format!("-Dmcdrl.natives={}", natives()?.display());
    let build = format!("-Dmcdrl.build={}", out().join("kotlin").display());
    let skip = if suite == Suite::Run { "-DskipTests=false" } else { "-DskipTests=true" };
    let project = root().join("bindings/kotlin");
    let arguments =
        ["-B", "-ntp", "-f", &project.to_string_lossy(), &natives, &build, skip, "install"];
    // A folder of its own quiets the Vulkan loader where a session has none.
    let model = model_224()?;
    run("mvn", &arguments, &[("XDG_RUNTIME_DIR", "/tmp"), ("MCDRL_MODEL_224", &model)])
}

/// A folder with the library where JNA looks for it in a jar.
fn natives() -> Result<PathBuf, String> {
    let folder = out().join("natives");
    let place = folder.join(format!("linux-{}", std::env::consts::ARCH.replace('_', "-")));
    std::fs::create_dir_all(&place).map_err(|e| format!("{}: {e}", place.display()))?;
    let stripped = place.join("libmcdrl_ffi.so");
    run("strip", &["-o", &stripped.to_string_lossy(), &library().to_string_lossy()], &[])?;
    Ok(folder)
}
