//! Static libraries for iOS; `bindings/swift/xcframework.sh` packs them on a Mac. Here they are linked as an app links them,
//! without Apple's tools: what nobody calls is left out, and the rest may ask for what `bindings/ffi/ios` allows.

use std::path::{Path, PathBuf};

use crate::cargo::target_folder;
use crate::shell::{Outcome, output, run, rustup};

use super::out;
use super::phone::{Backend, Phone, allowed, held, rustc, tools};

const DEVICE: &str = "aarch64-apple-ios";
const SIMULATORS: [&str; 2] = ["aarch64-apple-ios-sim", "x86_64-apple-ios"];

/// Whether the library for devices builds and links, and asks the system for no more than is allowed.
pub fn check() -> Outcome {
    let phone = Phone { target: DEVICE, backend: Backend::Cpu };
    let built = build(&phone, "link")?;
    link(&phone, "link", &built).map(drop)
}

/// The libraries for devices and simulators, as they are shipped.
pub fn ship() -> Outcome {
    for target in [&[DEVICE][..], &SIMULATORS].concat() {
        for backend in [Backend::Cpu, Backend::Gpu] {
            let phone = Phone { target, backend };
            let built = build(&phone, "dist")?;
            held(&phone, &link(&phone, "dist", &built)?, &["-S", "-x"])?;
        }
    }
    Ok(())
}

/// Compiles a library, and says where it lies.
fn build(phone: &Phone, profile: &str) -> Result<PathBuf, String> {
    let mut folder = target_folder();
    let mut environment = Vec::new();
    // Not every mirror of rustup's has the simulators.
    if rustup("target", phone.target).is_err() {
        eprintln!("the standard library of {} is built from its source", phone.target);
        rustup("component", "rust-src")?;
        // Apart: cargo would take what was built with the first of these variables for stale without it.
        folder.push("std-from-source");
        environment
            .extend([("RUSTC_BOOTSTRAP", "1"), ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")]);
    }
    let target_dir = folder.to_string_lossy().into_owned();
    environment.push(("CARGO_TARGET_DIR", &target_dir));
    rustc(phone.target, profile, phone.backend, "staticlib", &[], &environment)?;
    Ok(folder.join(phone.target).join(profile).join("libmcdrl_ffi.a"))
}

/// Links a library from what an app can call.
fn link(phone: &Phone, profile: &str, built: &Path) -> Result<PathBuf, String> {
    let tools = tools()?;
    let tool = |name: &str| tools.join(name).to_string_lossy().into_owned();
    let linked = out().join(format!("libmcdrl_ffi.{}.{profile}.dylib", phone.target));
    std::fs::create_dir_all(out()).map_err(|e| format!("{}: {e}", out().display()))?;
    let (from, to) = (built.to_string_lossy(), linked.to_string_lossy());
    let arch = if phone.target.starts_with("x86_64") { "x86_64" } else { "arm64" };
    let platform = if phone.target == DEVICE { "ios" } else { "ios-simulator" };
    let mut arguments = vec!["-flavor", "darwin", "-arch", arch, "-dylib", "-dead_strip"];
    arguments.extend(["-platform_version", platform, "16.0", "16.0"]);
    arguments.extend(["-exported_symbol", "_ffi_*", "-exported_symbol", "_uniffi_*"]);
    arguments.extend(["-ignore_auto_link", "-undefined", "dynamic_lookup"]);
    run(&tool("rust-lld"), &[&arguments[..], &["-force_load", &from, "-o", &to]].concat(), &[])?;

    let allowed = allowed("ios/system", phone.backend)?;
    let asked = output(&tool("llvm-nm"), &["-u", &to])?;
    // As C has them: the linker's begin with one more underscore.
    let asked = asked.lines().map(|line| line.trim().replacen('_', "", 1));
    let more: Vec<String> = asked.filter(|name| !allowed.contains(name)).collect();
    if more.is_empty() {
        return Ok(linked);
    }
    Err(format!("the library of {} asks iOS for {}, too", phone.target, more.join(", ")))
}
