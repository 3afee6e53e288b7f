//! `cargo xtask bindings`: the library for this machine, and the Kotlin, Swift and Python packages around it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::workspace::{built, debian, hold_size, root, succeeds, target, toolchain};
use crate::{native, phones};

/// Size limits of a stripped library in 10⁶ bytes: for the CPU, and for CPU and GPU.
pub const LIMITS: [f64; 2] = [6.0, 25.0];

/// Builds and tests the given parts, or all.
pub fn bindings(sh: &Shell, names: &[&str]) -> Result<()> {
    toolchain(sh)?;
    if names != ["phones"] {
        native::build(sh)?;
        generate(sh, "dev")?;
    }
    let all = ["generate", "kotlin", "swift", "python", "phones"];
    for part in if names.is_empty() { &all } else { names } {
        match *part {
            "generate" => (),
            "kotlin" => kotlin(sh, "dev", &[])?,
            "swift" => swift(sh, "bindings/swift", "dev")?,
            "python" => python(sh, "dev")?,
            "phones" => phones::check()?,
            _ => bail!("unknown part {part}: choose from {}", all.join(", ")),
        }
    }
    Ok(())
}

/// Builds the wheel, tests it, and tests the other packages with its library.
pub fn ship(sh: &Shell) -> Result<()> {
    native::build(sh)?;
    python(sh, "release")?;
    generate(sh, "release")?;
    kotlin(sh, "release", &[])?;
    swift(sh, "bindings/swift", "release")
}

/// Writes the code around the library into the Kotlin and Swift packages.
pub fn generate(sh: &Shell, profile: &str) -> Result<()> {
    let library = library(profile);
    let packages = [("kotlin", "kotlin/src/main/kotlin"), ("swift", "swift/Sources/MCDRLFFI")];
    for (language, folder) in packages {
        let folder = Path::new("bindings").join(folder);
        let generate = ["generate", "--no-format", "--language", language, "--out-dir"];
        cmd!(sh, "cargo run -q -p uniffi-bindgen -- {generate...} {folder} {library}").run()?;
    }
    Ok(())
}

/// Compiles the Kotlin package, tests it on the JVM, and puts it into the local Maven repository.
pub fn kotlin(sh: &Shell, profile: &str, options: &[&str]) -> Result<()> {
    debian(sh, &["maven"])?;
    // JNA looks for the library in this folder of a jar.
    let (natives, build) = (out().join("natives"), out().join("kotlin"));
    let place = natives.join(format!("linux-{}", std::env::consts::ARCH.replace('_', "-")));
    sh.create_dir(&place)?;
    let (library, stripped) = (library(profile), place.join("libmcdrl_ffi.so"));
    cmd!(sh, "strip -o {stripped} {library}").run()?;
    if profile == "release" {
        hold_size("the library of Linux, CPU and GPU", &stripped, LIMITS[1])?;
    }
    let mvn = ["-B", "-ntp", "-f", "bindings/kotlin", "install"];
    cmd!(sh, "mvn {mvn...} {options...} -Dmcdrl.natives={natives} -Dmcdrl.build={build}").run()?;
    Ok(())
}

/// Tests the Swift package in a folder.
pub fn swift(sh: &Shell, package: &str, profile: &str) -> Result<()> {
    let scratch = out().join(package).display().to_string();
    let test = ["swift", "test", "-c", "release", "--disable-sandbox", "-j", "2"];
    with_swift(sh, package, profile, &[&test[..], &["--scratch-path", &scratch]].concat())
}

/// Runs a command in a folder with this machine's Swift, or with that of Debian trixie in a chroot.
pub fn with_swift(sh: &Shell, folder: &str, profile: &str, command: &[&str]) -> Result<()> {
    let (_folder, library) = (sh.push_dir(folder), built(&target(), profile));
    let _library = sh.push_env("MCDRL_LIBRARY_DIR", library);
    if succeeds(sh, &["swift", "--version"]) {
        return Ok(cmd!(sh, "env {command...}").run()?);
    }
    debian(sh, &["debootstrap"])?;
    if !succeeds(sh, &["/usr/sbin/debootstrap", "--version"]) {
        eprintln!("skipped: Swift is missing and cannot be installed");
        return Ok(());
    }
    let (chroot, debian) = (root().join("bindings/swift/chroot.sh"), target().join("swift-trixie"));
    Ok(cmd!(sh, "{chroot} {debian} {command...}").run()?)
}

/// Builds the wheel, installs it into an environment of its own, checks its types and tests it.
fn python(sh: &Shell, profile: &str) -> Result<()> {
    debian(sh, &["python3-venv"])?;
    let (environment, wheels) = (out().join("python"), out().join("wheels"));
    cmd!(sh, "python3 -m venv {environment}").run()?;
    sh.remove_path(&wheels)?;
    let python = environment.join("bin/python");
    let maturin = format!("--config-settings=build-args=--profile={profile}");
    let wheel = ["wheel", "-q", "--no-deps", &maturin, "bindings/python", "--wheel-dir"];
    cmd!(sh, "{python} -m pip {wheel...} {wheels}").run()?;
    let wheel = sh.read_dir(&wheels)?.pop().context("pip wrote no wheel")?;
    let tested = format!("{}[test]", wheel.display());
    cmd!(sh, "{python} -m pip install -q {tested}").run()?;
    // The installed package may have the same version but older sources.
    cmd!(sh, "{python} -m pip install -q --force-reinstall --no-deps {wheel}").run()?;
    let _project = sh.push_dir("bindings/python");
    cmd!(sh, "{python} -m mypy").run()?;
    // Next to the sources, Python would import them instead of the installed package.
    let _tests = sh.push_dir("tests");
    let _clean = sh.push_env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(cmd!(sh, "{python} -m pytest -p no:cacheprovider .").run()?)
}

/// The output folder of these chores.
pub fn out() -> PathBuf {
    target().join("bindings")
}

/// The library for this machine.
fn library(profile: &str) -> PathBuf {
    built(&target(), profile).join("libmcdrl_ffi.so")
}
