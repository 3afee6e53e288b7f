//! Static libraries for iOS. They build without Apple's tools; `bindings/swift/xcframework.sh` packs them on a Mac.

use crate::cargo::target_folder;
use crate::shell::{Outcome, rustup};

use super::phone::{Backend, Phone, held, rustc};

const DEVICE: &str = "aarch64-apple-ios";
const SIMULATORS: [&str; 2] = ["aarch64-apple-ios-sim", "x86_64-apple-ios"];

/// Whether the library for devices builds.
pub fn check() -> Outcome {
    build(DEVICE, "link", Backend::Cpu)
}

/// The libraries for devices and simulators, as they are shipped.
pub fn ship() -> Outcome {
    ship_one(DEVICE, Backend::Cpu)?;
    ship_one(DEVICE, Backend::Gpu)?;
    SIMULATORS.into_iter().try_for_each(|target| ship_one(target, Backend::Gpu))
}

fn ship_one(target: &'static str, backend: Backend) -> Outcome {
    build(target, "dist", backend)?;
    let built = target_folder().join(target).join("dist/libmcdrl_ffi.a");
    held(&Phone { target, backend }, &built, "--strip-debug")
}

fn build(target: &str, profile: &str, backend: Backend) -> Outcome {
    rustup("target", target)?;
    rustc(target, profile, backend, "staticlib", &[], &[])
}
