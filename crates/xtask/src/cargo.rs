//! Cargo with one feature set and one profile throughout, so that the large dependency graph is built once.

use crate::shell::{Outcome, run};

/// What every build here has: the deprecated backend is there for its parity test.
pub const COMMON: [&str; 4] = ["--release", "--workspace", "--features", "mcdrl-model/ndarray"];

/// Runs cargo.
pub fn cargo(arguments: &[&str]) -> Outcome {
    // A folder of its own quiets the Vulkan loader where a session has none.
    let environment = [("RUSTDOCFLAGS", "-D warnings"), ("XDG_RUNTIME_DIR", "/tmp")];
    run("cargo", arguments, &environment)
}
