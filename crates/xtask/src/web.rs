//! `cargo xtask web` and `browsers`: the WebAssembly modules, the npm package, the browser app, and their tests.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace::{
    built, debian, root, shell, side_by_side, std_from_source, target, toolchain,
};

/// Builds the package and the app as they are shipped, and checks the sizes of their downloads.
pub fn ship(sh: &Shell) -> Result<()> {
    toolchain(sh)?;
    let others =
        || ["cpu", "threads", "dicom"].into_iter().try_for_each(|module| build(module, "web"));
    side_by_side(|| build("gpu", "web"), others)?;
    package(sh)?;
    npm(sh, "bindings/web", &["run", "sizes"])
}

/// Builds the modules, the package and the app for the tests.
pub fn build_for_tests(sh: &Shell) -> Result<()> {
    ["threads", "cpu", "gpu", "dicom"].into_iter().try_for_each(|module| build(module, "dev"))?;
    package(sh)
}

/// Runs the suites in Node and in browsers. Prints "skipped" for browsers that are missing and cannot be installed.
pub fn browsers(sh: &Shell) -> Result<()> {
    debian(sh, &["chromium", "firefox-esr", "webkit2gtk-driver", "xvfb", "xauth"])?;
    npm(sh, "tests/browser", &["ci"])?;
    npm(sh, "tests/browser", &["test"])
}

/// Compiles a module and writes the JavaScript around it.
fn build(module: &str, profile: &str) -> Result<()> {
    let sh = shell()?;
    let is_configured = matches!(module, "threads" | "gpu");
    let config = is_configured.then(|| format!("--config=bindings/web/{module}.toml"));
    let folder = if module == "threads" { std_from_source(&sh) } else { target() };
    let (package, features) = match module {
        "dicom" => ("mcdrl-web-dicom", vec![]),
        _ => ("mcdrl-web", vec!["--no-default-features", "--features", module]),
    };
    let options = ["--locked", "--lib", "--target", "wasm32-unknown-unknown", "--profile", profile];
    cmd!(sh, "cargo build -p {package} {config...} {options...} {features...}").run()?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    let wasm = built(&folder.join("wasm32-unknown-unknown"), profile).join(file);
    let (sh, out) = (shell()?, root().join("bindings/web/dist").join(module));
    Ok(cmd!(sh, "cargo run --quiet -p bindgen -- web {wasm} {out}").run()?)
}

/// Compiles the package's TypeScript, and the app.
fn package(sh: &Shell) -> Result<()> {
    for folder in ["bindings/web", "www"] {
        npm(sh, folder, &["ci"])?;
        npm(sh, folder, &["run", "build"])?;
    }
    Ok(())
}

fn npm(sh: &Shell, folder: &str, arguments: &[&str]) -> Result<()> {
    Ok(cmd!(sh, "npm {arguments...} --prefix {folder} --no-audit --no-fund").run()?)
}
