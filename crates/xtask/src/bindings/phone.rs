//! What the builds for iOS and Android have in common.

use std::path::{Path, PathBuf};

use crate::shell::{Outcome, output, root, run, rustup};

use super::{out, size};

/// The backends that a library holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Cpu,
    /// Beside the CPU.
    Gpu,
}

/// A library for phones.
pub struct Phone {
    pub target: &'static str,
    pub backend: Backend,
}

/// Compiles the library for a target.
pub fn rustc(
    target: &str,
    profile: &str,
    backend: Backend,
    kind: &str,
    flags: &[&str],
    environment: &[(&str, &str)],
) -> Outcome {
    let mut arguments = vec!["rustc", "--locked", "-p", "mcdrl-ffi", "--lib"];
    arguments.extend(["--profile", profile, "--target", target, "--crate-type", kind]);
    arguments.push("--no-default-features");
    if backend == Backend::Gpu {
        arguments.extend(["--features", "gpu"]);
    }
    if !flags.is_empty() {
        arguments.push("--");
        arguments.extend(flags);
    }
    run("cargo", &arguments, environment)
}

/// The symbols that the lists of a name in `bindings/ffi` allow a library to ask the system for: those that every library
/// asks for and, where there are any, those of the GPU.
pub fn allowed(name: &str, backend: Backend) -> Result<Vec<String>, String> {
    let list = |kind| root().join(format!("bindings/ffi/{name}.{kind}"));
    let gpu = list("gpu.symbols");
    let mut lists = vec![list("symbols")];
    if backend == Backend::Gpu && gpu.exists() {
        lists.push(gpu);
    }
    let mut allowed = Vec::new();
    for path in lists {
        let list =
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        allowed.extend(lines.map(str::to_owned));
    }
    Ok(allowed)
}

/// Strips a library that is to be shipped and holds it to its size. rustup's own strip knows the formats of all targets.
pub fn held(phone: &Phone, built: &Path, strip: &[&str]) -> Outcome {
    let (variant, limit) = match phone.backend {
        Backend::Cpu => ("cpu", size::CPU),
        Backend::Gpu => ("gpu", size::GPU),
    };
    let kind = built.extension().map(|kind| kind.to_string_lossy()).unwrap_or_default();
    let stripped = out().join(format!("libmcdrl_ffi.{}.{variant}.{kind}", phone.target));
    let tool = tools()?.join("llvm-strip").to_string_lossy().into_owned();
    let (from, to) = (built.to_string_lossy(), stripped.to_string_lossy());
    run(&tool, &[strip, &[&from, "-o", &to]].concat(), &[])?;
    size::hold(&format!("the library of {}, {variant}", phone.target), &stripped, limit)
}

/// The folder of rustup's binary tools, installed.
pub fn tools() -> Result<PathBuf, String> {
    rustup("component", "llvm-tools")?;
    let root = output("rustc", &["--print", "sysroot"])?;
    let host = output("rustc", &["--print", "host-tuple"])?;
    Ok(Path::new(root.trim()).join("lib/rustlib").join(host.trim()).join("bin"))
}
