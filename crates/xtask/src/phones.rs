//! The library for iOS and Android, linked without Xcode and NDK. It may import only the system symbols in
//! `bindings/ffi/{ios,android}`. `bindings/swift/xcframework.sh` and mobile/android/README.md link it for an app.

use std::path::Path;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::workspace::{built, hold_size, out, shell, std_from_source, target, toolchain};

const PHONES: [&str; 2] = ["aarch64-apple-ios", "aarch64-linux-android"];
const SIMULATORS: [&str; 3] = ["aarch64-apple-ios-sim", "x86_64-apple-ios", "x86_64-linux-android"];

/// Checks that the library for phones links. The library for the CPU is enough here and builds in a fraction of the time.
pub fn check() -> Result<()> {
    toolchain(&shell()?)?;
    PHONES.into_iter().try_for_each(|triple| build(triple, "dev", false))
}

/// Builds the libraries for phones and simulators as they are shipped.
pub fn ship() -> Result<()> {
    for triple in PHONES.into_iter().chain(SIMULATORS) {
        build(triple, "release", false)?;
        build(triple, "release", true)?;
    }
    Ok(())
}

fn build(triple: &str, profile: &str, gpu: bool) -> Result<()> {
    let (sh, ios) = (shell()?, triple.contains("apple"));
    // Some mirrors lack the standard library of simulators.
    let added = cmd!(sh, "rustup target add {triple}").run();
    let folder = if added.is_ok() { target() } else { std_from_source(&sh) };
    let libraries = cmd!(sh, "rustc --print target-libdir").quiet().read()?;
    let tools = Path::new(&libraries).with_file_name("bin");
    let (linker, kind) = (tools.join("rust-lld"), if ios { "staticlib" } else { "cdylib" });
    let options = if ios { Vec::new() } else { android_options(&sh)? };
    let features = gpu.then_some("--features=gpu");
    let package = ["--locked", "-p", "mcdrl-ffi", "--lib", "--crate-type", kind];
    // To link, the largest crate need not be fast.
    let quick = (profile == "dev").then_some("--config=profile.dev.package.burn-flex.opt-level=0");
    let build = ["--profile", profile, "--target", triple];
    cmd!(sh, "cargo rustc {quick...} {package...} {build...} {features...} -- {options...}")
        .env(format!("CARGO_TARGET_{}_LINKER", triple.to_uppercase().replace('-', "_")), &linker)
        .run()?;
    let built = built(&folder.join(triple), profile);
    let linked = out().join(format!("libmcdrl_ffi-{triple}"));
    sh.create_dir(out())?;
    if ios {
        link_for_ios(&sh, triple, &linker, [&built.join("libmcdrl_ffi.a"), &linked])?;
    } else {
        sh.copy_file(built.join("libmcdrl_ffi.so"), &linked)?;
    }
    let (nm, strip) = (tools.join("llvm-nm"), tools.join("llvm-strip"));
    let (system, kind) = if ios { ("ios", "-ju") } else { ("android", "-juD") };
    let asked = cmd!(sh, "{nm} --no-weak {kind} {linked}").read()?;
    let list = |name| sh.read_file(format!("bindings/ffi/{system}/{name}.symbols"));
    let allowed = list("system")? + &if gpu { list("system.gpu")? } else { String::new() };
    // Apple's tools put an underscore before C names.
    let names = asked.lines().map(|line| if ios { &line[1..] } else { line });
    let more: Vec<_> = names.filter(|name| !allowed.lines().any(|line| line == *name)).collect();
    ensure!(more.is_empty(), "the library for {triple} also imports {}", more.join(", "));
    if profile == "dev" {
        return Ok(());
    }
    cmd!(sh, "{strip} --strip-debug --discard-all {linked}").run()?;
    hold_size(&format!("{triple}, GPU: {gpu}"), &linked, if gpu { 25.0 } else { 6.0 })
}

/// Links an archive as an app does: code that no exported symbol needs is dropped.
fn link_for_ios(sh: &Shell, triple: &str, linker: &Path, files: [&Path; 2]) -> Result<()> {
    let architecture = if triple.starts_with("x86_64") { "x86_64" } else { "arm64" };
    let platform = if triple == PHONES[0] { "ios" } else { "ios-simulator" };
    let system = ["-arch", architecture, "-platform_version", platform, "16.0", "16.0"];
    let exported = ["-exported_symbol", "_ffi_*", "-exported_symbol", "_uniffi_*"];
    let options = ["-dylib", "-dead_strip", "-ignore_auto_link", "-undefined", "dynamic_lookup"];
    let [archive, linked] = files;
    let options = [&system[..], &exported, &options].concat();
    cmd!(sh, "{linker} -flavor darwin {options...} -force_load {archive} -o {linked}").run()?;
    Ok(())
}

/// Linker options for our library without the NDK. Empty archives replace the system's libraries.
fn android_options(sh: &Shell) -> Result<Vec<String>> {
    let stubs = out().join("stubs");
    for library in ["android", "c", "dl", "log", "m", "unwind"] {
        sh.write_file(stubs.join(format!("lib{library}.a")), "!<arch>\n")?;
    }
    let link = ["-z", "max-page-size=16384", "--pack-dyn-relocs=android"];
    let flags = ["-Clinker-flavor=ld.lld".into(), format!("-Lnative={}", stubs.display())];
    Ok(flags.into_iter().chain(link.map(|option| format!("-Clink-arg={option}"))).collect())
}
