//! Libraries for Android, linked without an NDK: against stubs of the system's libraries that export what
//! `bindings/ffi/android/*.symbols` allow and nothing else. That shows that they link and what they ask of the system; what
//! is shipped is linked with the NDK.

use std::fmt::Write;
use std::path::Path;

use crate::cargo::target_folder;
use crate::shell::{Outcome, run, rustup};

use super::out;
use super::phone::{Backend, Phone, allowed, held, rustc, tools};

const PHONE: &str = "aarch64-linux-android";
const EMULATOR: &str = "x86_64-linux-android";

/// The system's libraries that a library of ours may ask for.
const LIBRARIES: [&str; 6] = ["android", "c", "m", "dl", "log", "unwind"];

/// Whether the library for phones links, and asks the system for no more than is allowed.
pub fn check() -> Outcome {
    link(PHONE, "link", Backend::Cpu)
}

/// The libraries for phones and emulators, as they are shipped but for the NDK.
pub fn ship() -> Outcome {
    for target in [PHONE, EMULATOR] {
        for backend in [Backend::Cpu, Backend::Gpu] {
            link(target, "dist", backend)?;
            let built = target_folder().join(target).join("dist/libmcdrl_ffi.so");
            held(&Phone { target, backend }, &built, &["--strip-all"])?;
        }
    }
    Ok(())
}

fn link(target: &str, profile: &str, backend: Backend) -> Outcome {
    rustup("target", target)?;
    let linker = tools()?.join("rust-lld").to_string_lossy().into_owned();
    let stubs = out().join("stubs").join(target);
    for library in LIBRARIES {
        stub(target, library, backend, &stubs, &linker)?;
    }
    let linker_of_target =
        format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    let stubs = format!("native={}", stubs.display());
    // For this crate alone: what it depends on is built as for any linker.
    let mut flags = vec!["-C", "linker-flavor=ld.lld", "-L", &stubs];
    flags.extend(["-C", "link-arg=--no-undefined", "-C", "link-arg=-z"]);
    flags.extend(["-C", "link-arg=max-page-size=16384"]);
    flags.extend(["-C", "link-arg=--pack-dyn-relocs=android"]);
    rustc(target, profile, backend, "cdylib", &flags, &[(&linker_of_target, &linker)])
}

/// Makes a shared library that exports the allowed symbols and does nothing.
fn stub(target: &str, library: &str, backend: Backend, folder: &Path, linker: &str) -> Outcome {
    let mut source = String::from("#![no_std]\n#![allow(non_upper_case_globals)]\n");
    for line in allowed(&format!("android/{library}"), backend)? {
        let item = match line.strip_prefix("data ") {
            Some(name) => format!("pub static {name}: usize = 0;"),
            None => format!("pub extern \"C\" fn {line}() {{}}"),
        };
        writeln!(source, "#[unsafe(no_mangle)]\n{item}").expect("a string takes all");
    }
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let path = |name: String| folder.join(name).to_string_lossy().into_owned();
    let (source_file, object) = (path(format!("{library}.rs")), path(format!("{library}.o")));
    std::fs::write(&source_file, source).map_err(failed)?;
    let compile =
        ["--edition", "2024", "--crate-type", "lib", "--emit", "obj", "-C", "panic=abort"];
    run(
        "rustc",
        &[&compile[..], &["--target", target, "-o", &object, &source_file]].concat(),
        &[],
    )?;
    let name = format!("lib{library}.so");
    let linked =
        ["-flavor", "gnu", "-shared", "-soname", &name, "-o", &path(name.clone()), &object];
    run(linker, &linked, &[])
}
