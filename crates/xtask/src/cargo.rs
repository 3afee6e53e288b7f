//! Cargo with one feature set and one profile throughout, so that the large dependency graph is built once.

use std::path::PathBuf;

use crate::shell::{Outcome, root, run};

/// What every build here has: the deprecated backend is there for its parity test.
pub const COMMON: [&str; 4] = ["--release", "--workspace", "--features", "mcdrl-model/ndarray"];

/// Runs cargo.
pub fn cargo(arguments: &[&str]) -> Outcome {
    // A folder of its own quiets the Vulkan loader where a session has none.
    let environment = [("RUSTDOCFLAGS", "-D warnings"), ("XDG_RUNTIME_DIR", "/tmp")];
    run("cargo", arguments, &environment)
}

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
