//! The iOS app: its modules are tested with Swift on Linux, its screens parsed; Xcode builds the rest.

use std::path::{Path, PathBuf};

use crate::bindings::swift;
use crate::shell::{Outcome, root};

/// Tests the logic, and parses what needs Apple's frameworks.
pub fn test() -> Outcome {
    let project = root().join("mobile/ios");
    swift(&project.join("PointOfCare"), "swift-app", &["test", "-c", "release"])?;
    let screens = swift_files(&project.join("App"))?;
    if screens.is_empty() {
        return Err("mobile/ios/App has no Swift files".into());
    }
    let helpers = root().join("bindings/swift/Sources/MCDRL/AppleImages.swift");
    let mut arguments = vec!["swiftc".to_owned(), "-frontend".into(), "-parse".into()];
    arguments
        .extend(screens.iter().chain([&helpers]).map(|file| file.to_string_lossy().into_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    swift(&project, "swift-app", &arguments)
}

fn swift_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    Ok(files.filter(|file| file.extension().is_some_and(|kind| kind == "swift")).collect())
}
