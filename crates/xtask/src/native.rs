//! The builds for this machine: `cargo xtask demo`, `test` and `release`.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::workspace::{built, debian, shell, side_by_side, target, timed, toolchain};
use crate::{bindings, mobile, phones, web, weights};

const FEATURES: [&str; 2] = ["--features", "mcdrl-cli/gpu,mcdrl-ffi/gpu,mcdrl-runtime/ndarray"];
/// The crates that are tested on this machine. The others are for WebAssembly.
const CRATES: [&str; 4] =
    ["--workspace", "--exclude=mcdrl-web", "--exclude=mcdrl-web-dicom", "--exclude=bindgen"];

/// Builds the command for the CPU and segments the bundled samples. `arguments` go to `mcdrl demo`.
pub fn demo(sh: &Shell, arguments: &[&str]) -> Result<()> {
    sh.change_dir(std::env::current_dir()?);
    Ok(cmd!(sh, "cargo run -p mcdrl-cli -- demo {arguments...}").run()?)
}

/// Installs the requirements of the tests and runs all suites.
pub fn test(sh: &Shell) -> Result<()> {
    // A software Vulkan driver: the tests of the GPU backend also run on machines without a GPU.
    debian(sh, &["mesa-vulkan-drivers", "libvulkan1"])?;
    cmd!(sh, "cargo fmt --all --check").run()?;
    toolchain(sh)?;
    timed("build", || build(sh))?;
    side_by_side(all_but_browsers, || {
        timed("modules for the web", || web::build_for_tests(sh))?;
        timed("browsers", || web::browsers(sh)) // They leave half of the CPU idle.
    })?;
    eprintln!("all suites passed");
    Ok(())
}

/// Builds the given parts, or all, as they are shipped. Checks their sizes and runs their suites.
pub fn release(sh: &Shell, names: &[&str]) -> Result<()> {
    toolchain(sh)?;
    build(sh)?; // The tests of the packages and of the app need it.
    let all = ["command", "packages", "web", "phones"];
    for part in if names.is_empty() { &all } else { names } {
        timed(part, || match *part {
            "command" => command(sh),
            "packages" => bindings::ship(sh),
            "web" => web::ship(sh).and_then(|()| web::browsers(sh)),
            "phones" => phones::ship(),
            _ => bail!("unknown part {part}: choose from {}", all.join(", ")),
        })?;
    }
    Ok(())
}

/// Builds all crates, tests and examples. Writes a model for the packages' measurements, and the packages' generated code.
pub fn build(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo build --all-targets {CRATES...} {FEATURES...}").run()?;
    let program = built(&target(), "dev").join("examples/model_224");
    let model = sh.var("MCDRL_MODEL_224")?;
    cmd!(sh, "{program} {model}").run()?;
    bindings::generate(sh, "dev")
}

fn all_but_browsers() -> Result<()> {
    let sh = &shell()?;
    weights::fetch(sh)?; // Some tests compare the encoders with PyTorch's.
    let tests = cmd!(sh, "cargo test --no-fail-fast {CRATES...} {FEATURES...}");
    timed("Rust tests", || Ok(tests.run()?))?;
    bindings::bindings(sh, &["kotlin", "swift", "python"])?;
    timed("mobile", || mobile::mobile(sh))?;
    timed("clippy and documentation", || lints(sh))?;
    timed("libraries for phones", phones::check)
}

fn lints(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo clippy --workspace --all-targets {FEATURES...} -- -D warnings").run()?;
    let _strict = sh.push_env("RUSTDOCFLAGS", "-D warnings");
    Ok(cmd!(sh, "cargo doc --workspace --no-deps {FEATURES...}").run()?)
}

/// Builds the command and checks its masks against the conformance vectors.
fn command(sh: &Shell) -> Result<()> {
    let package = ["--locked", "--release", "-p", "mcdrl-cli", "--features", "gpu"];
    Ok(cmd!(sh, "cargo test {package...} --test command").run()?)
}
