//! Static libraries for iOS. They build without Apple's tools; `bindings/swift/xcframework.sh` packs them on a Mac.

use std::path::{Path, PathBuf};

use crate::cargo::target_folder;
use crate::shell::{Outcome, output, run};

use super::{out, size};

const DEVICE: &str = "aarch64-apple-ios";
const SIMULATORS: [&str; 2] = ["aarch64-apple-ios-sim", "x86_64-apple-ios"];

/// The library for devices with the CPU alone.
pub fn cpu() -> Outcome {
    build(DEVICE, false)
}

/// That with the GPU too, and those for simulators.
pub fn all() -> Outcome {
    cpu()?;
    build(DEVICE, true)?;
    SIMULATORS.into_iter().try_for_each(|target| build(target, true))
}

fn build(target: &str, gpu: bool) -> Outcome {
    run("rustup", &["target", "add", target], &[])?;
    run("rustup", &["component", "add", "llvm-tools"], &[])?;
    let mut arguments = vec!["rustc", "--locked", "-p", "mcdrl-ffi", "--lib", "--profile", "dist"];
    arguments.extend(["--crate-type", "staticlib", "--target", target]);
    if !gpu {
        arguments.push("--no-default-features");
    }
    run("cargo", &arguments, &[])?;
    let built = target_folder().join(target).join("dist/libmcdrl_ffi.a");
    let variant = if gpu { "gpu" } else { "cpu" };
    let stripped = out().join(format!("libmcdrl_ffi.{target}.{variant}.a"));
    strip(&built, &stripped)?;
    let limit = if gpu { size::GPU } else { size::CPU };
    size::hold(&format!("the library of {target}, {variant}"), &stripped, limit)
}

/// rustup's own strip knows the formats of all targets.
fn strip(from: &Path, to: &Path) -> Outcome {
    let strip = tools()?.join("llvm-strip");
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    run(&strip.to_string_lossy(), &["--strip-debug", &from, "-o", &to], &[])
}

/// The folder of rustup's binary tools.
pub fn tools() -> Result<PathBuf, String> {
    let root = output("rustc", &["--print", "sysroot"])?;
    let host = output("rustc", &["--print", "host-tuple"])?;
    Ok(Path::new(root.trim()).join("lib/rustlib").join(host.trim()).join("bin"))
}
