//! `cargo xtask bindings`: the library for this machine, and the Kotlin, Swift and Python packages around it.

use std::path::Path;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::phones;
use crate::workspace::{built, debian, hold_size, out, root, succeeds, target, timed};

const LIBRARY: &str = "libmcdrl_ffi.so";
/// The generated part of the Python package.
const NATIVE: &str = "bindings/python/mcdrl/_native";

/// Tests the given packages, or all, around the library that has been built.
pub fn bindings(sh: &Shell, names: &[&str]) -> Result<()> {
    let all = ["kotlin", "swift", "python", "phones"];
    for package in if names.is_empty() { &all } else { names } {
        timed(package, || match *package {
            "generate" => Ok(()), // Done with the build.
            "kotlin" => kotlin(sh, "dev", &[]),
            "swift" => swift(sh, "bindings/swift", "dev"),
            "python" => python(sh, "dev"),
            "phones" => phones::check(),
            _ => bail!("unknown {package}: choose generate or some of {}", all.join(", ")),
        })?;
    }
    Ok(())
}

/// Builds the wheel, tests it, and tests the other packages with its library.
pub fn ship(sh: &Shell) -> Result<()> {
    python(sh, "release")?;
    generate(sh, "release")?;
    kotlin(sh, "release", &[])?;
    swift(sh, "bindings/swift", "release")
}

/// Writes the code around the library into the packages. For Python this is what its wheel contains.
pub fn generate(sh: &Shell, profile: &str) -> Result<()> {
    let library = built(&target(), profile).join(LIBRARY);
    let bindgen = built(&target(), "dev").join("uniffi-bindgen");
    let (kotlin, swift) = ("bindings/kotlin/src/main/kotlin", "bindings/swift/Sources/MCDRLFFI");
    for (language, folder) in [("kotlin", kotlin), ("swift", swift), ("python", NATIVE)] {
        let options = ["--no-format", "--language", language, "--out-dir", folder];
        cmd!(sh, "{bindgen} generate {options...} {library}").run()?;
    }
    sh.write_file(Path::new(NATIVE).join("__init__.py"), "from .mcdrl_ffi import *\n")?;
    Ok(sh.copy_file(library, NATIVE)?)
}

/// Compiles the Kotlin package, tests it on the JVM, and puts it into the local Maven repository.
pub fn kotlin(sh: &Shell, profile: &str, options: &[&str]) -> Result<()> {
    debian(sh, &["maven"])?;
    // JNA looks for the library in this folder of a jar.
    let (natives, build) = (out().join("natives"), out().join("kotlin"));
    let place = natives.join(format!("linux-{}", std::env::consts::ARCH.replace('_', "-")));
    sh.create_dir(&place)?;
    let stripped = place.join(LIBRARY);
    cmd!(sh, "strip -o {stripped}").arg(built(&target(), profile).join(LIBRARY)).run()?;
    if profile == "release" {
        hold_size("the library of Linux, CPU and GPU", &stripped, 26.0)?;
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

/// Checks the types of the Python package and tests it: the sources, or in profile `release` the wheel.
fn python(sh: &Shell, profile: &str) -> Result<()> {
    debian(sh, &["python3-venv"])?;
    let (environment, wheels) = (out().join("python"), out().join("wheels"));
    cmd!(sh, "python3 -m venv {environment}").run()?;
    let python = environment.join("bin/python");
    let _project = sh.push_dir("bindings/python");
    let pip = ["-m", "pip", "-q", "--disable-pip-version-check"];
    cmd!(sh, "{python} {pip...} install -r tests/requirements.txt").run()?;
    if profile == "release" {
        sh.remove_path("mcdrl/_native")?;
        cmd!(sh, "{python} {pip...} wheel --no-deps . --wheel-dir {wheels}").run()?;
        let install = ["install", "--force-reinstall", "--no-deps", "--no-index", "--find-links"];
        cmd!(sh, "{python} {pip...} {install...} {wheels} mcdrl").run()?;
    }
    let _sources = (profile == "dev").then(|| sh.push_env("PYTHONPATH", sh.current_dir()));
    cmd!(sh, "{python} -m mypy").run()?;
    // Next to the sources, Python would import them instead of the installed package.
    let _tests = sh.push_dir("tests");
    Ok(cmd!(sh, "{python} -m pytest .").run()?)
}
