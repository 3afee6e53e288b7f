//! `cargo xtask demo`: builds as the tests do, so that nothing is built twice, and runs `mcdrl demo`.

use crate::cargo::{COMMON, cargo};
use crate::shell::{Outcome, run};

/// `arguments` go to `mcdrl demo`.
pub fn demo(arguments: &[&str]) -> Outcome {
    cargo(&[&["build", "--bin", "mcdrl"][..], &COMMON].concat())?;
    // It lies beside this program.
    let here = std::env::current_exe().map_err(|e| format!("where this program lies: {e}"))?;
    let mcdrl = here.with_file_name("mcdrl").with_extension(std::env::consts::EXE_EXTENSION);
    run(&mcdrl.to_string_lossy(), &[&["demo"][..], arguments].concat(), &[])
}
