//! The code that UniFFI writes around the library. Kotlin's and Swift's lie in the repository, so that the packages build
//! with nothing but their own tools; Python's is written when a wheel is built.

use std::path::PathBuf;

use crate::cargo::target_folder;
use crate::shell::{Outcome, root, run};

use super::{library, out};

/// As UniFFI names them, and as the repository has them.
const FILES: [(&str, &str); 4] = [
    ("com/mcdrl/ffi/mcdrl_ffi.kt", "bindings/kotlin/src/main/kotlin/com/mcdrl/ffi/mcdrl_ffi.kt"),
    ("MCDRLFFI.swift", "bindings/swift/Sources/MCDRLFFI/MCDRLFFI.swift"),
    ("mcdrl_ffiFFI.h", "bindings/swift/Sources/mcdrl_ffiFFI/include/mcdrl_ffiFFI.h"),
    ("mcdrl_ffiFFI.modulemap", "bindings/swift/Sources/mcdrl_ffiFFI/include/module.modulemap"),
];

/// Holds the files in the repository to a fresh generation.
pub fn compare() -> Outcome {
    let fresh = generate()?;
    for (name, place) in FILES {
        let read =
            |path: PathBuf| std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()));
        if read(fresh.join(name))? != read(root().join(place))? {
            return Err(format!("{place} is not what UniFFI writes: cargo xtask bindings write"));
        }
    }
    eprintln!("the generated code is what UniFFI writes");
    Ok(())
}

/// Writes the files in the repository anew.
pub fn write() -> Outcome {
    let fresh = generate()?;
    for (name, place) in FILES {
        let place = root().join(place);
        let copied = std::fs::create_dir_all(place.parent().unwrap_or(&place))
            .and_then(|()| std::fs::copy(fresh.join(name), &place));
        copied.map_err(|e| format!("{}: {e}", place.display()))?;
    }
    Ok(())
}

fn generate() -> Result<PathBuf, String> {
    let folder = out().join("generated");
    let program = target_folder().join("release/uniffi-bindgen");
    let (program, library, to) =
        (program.to_string_lossy(), library(), folder.to_string_lossy().into_owned());
    let library = library.to_string_lossy();
    let arguments =
        ["generate", "--no-format", "--language", "kotlin", "--language", "swift", "--out-dir"];
    run(&program, &[&arguments[..], &[&to, &library]].concat(), &[])?;
    Ok(folder)
}
