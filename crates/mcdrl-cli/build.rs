//! Passes the git revision to the command, which records it in model files.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    println!("cargo::rerun-if-changed=build.rs");
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let revision = match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        // A source archive has no history.
        _ => "unknown".into(),
    };
    println!("cargo::rustc-env=MCDRL_REVISION={}", revision.trim());
}
