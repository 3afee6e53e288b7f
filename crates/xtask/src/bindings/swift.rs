//! The Swift package, tested with Swift on Linux: this machine's, or Debian trixie's in a chroot.

use std::path::Path;

use crate::cargo::target_folder;
use crate::shell::{Outcome, debian_packages, root, run_in, succeeds};

use super::{model_224, out};

/// Runs the package's suite.
pub fn test() -> Outcome {
    swift(&root().join("bindings/swift"), "swift", &["test", "-c", "release"])
}

/// Runs the suite of a Swift package (`test`), or a script, with Swift.
pub fn swift(package: &Path, scratch: &str, arguments: &[&str]) -> Outcome {
    let release = target_folder().join("release").to_string_lossy().into_owned();
    let scratch = out().join(scratch).to_string_lossy().into_owned();
    let mut command = arguments.to_vec();
    if arguments.first() == Some(&"test") {
        command.insert(0, "swift");
        command.extend(["--disable-sandbox", "-j", "2", "--scratch-path", &scratch]);
    }
    let model = model_224()?;
    let environment = [("MCDRL_LIBRARY_DIR", release.as_str()), ("MCDRL_MODEL_224", &model)];
    if succeeds("swift", &["--version"]) {
        return run_in(package, command[0], &command[1..], &environment);
    }
    if !succeeds("sh", &["-c", "command -v apt-get && test \"$(id -u)\" = 0"]) {
        eprintln!("skipped: no Swift, and no way to install it");
        return Ok(());
    }
    debian_packages(&[("/usr/sbin/debootstrap", "debootstrap")])?;
    let script = root().join("bindings/swift/chroot.sh").to_string_lossy().into_owned();
    let folder = target_folder().join("swift-trixie").to_string_lossy().into_owned();
    run_in(package, &script, &[&[folder.as_str()], command.as_slice()].concat(), &environment)
}
