//! `cargo xtask web`: the WebAssembly modules, the npm package around them, and the browser app.

use std::path::Path;

use crate::cargo::target_folder;
use crate::shell::{Job, Outcome, root, run, rustup, side_by_side};

/// A WebAssembly module: its folder in the package, cargo's profile, its features, and what rustc is told besides.
struct Module {
    name: &'static str,
    profile: &'static str,
    features: &'static str,
    threads: bool,
}

const MODULES: [Module; 3] = [
    Module { name: "cpu", profile: "web-cpu", features: "cpu", threads: false },
    Module { name: "threads", profile: "web-threads", features: "threads", threads: true },
    Module { name: "gpu", profile: "web-gpu", features: "gpu", threads: false },
];

const SIMD: &str = "-C target-feature=+simd128";

/// Shared memory, and what the start of a thread needs of it.
const SHARED: &str = "-C target-feature=+simd128,+atomics,+bulk-memory,+mutable-globals \
    -C link-arg=--shared-memory -C link-arg=--import-memory -C link-arg=--max-memory=4294967296 \
    -C link-arg=--export=__wasm_init_tls -C link-arg=--export=__tls_size \
    -C link-arg=--export=__tls_align -C link-arg=--export=__tls_base \
    -C link-arg=--export=__heap_base";

/// Builds the modules named, or all with the package and the app if none is.
pub fn web(names: &[&str]) -> Outcome {
    let all = MODULES.map(|module| module.name);
    let wanted = if names.is_empty() { &all } else { names };
    let modules: Vec<&Module> = wanted.iter().map(|name| module(name)).collect::<Result<_, _>>()?;
    let jobs: Vec<_> = modules.iter().map(|module| || build(module)).collect();
    side_by_side(&jobs.iter().map(|job| job as Job).collect::<Vec<_>>())?;
    modules.into_iter().try_for_each(glue)?;
    let package = root().join("bindings/web");
    npm(&package, &["ci"])?;
    npm(&package, &["run", "build"])?;
    if names.is_empty() {
        let app = root().join("www");
        npm(&app, &["ci"])?;
        npm(&app, &["run", "build"])?;
        npm(&package, &["run", "sizes"])?;
    }
    Ok(())
}

/// Compiles the module named.
pub fn compile(name: &str) -> Outcome {
    build(module(name)?)
}

fn module(name: &str) -> Result<&'static Module, String> {
    MODULES.iter().find(|module| module.name == name).ok_or_else(|| {
        let known = MODULES.map(|module| module.name).join(", ");
        format!("there is no module `{name}`: choose among {known}")
    })
}

fn build(module: &Module) -> Outcome {
    rustup("target", "wasm32-unknown-unknown")?;
    let mut arguments = vec!["build", "--locked", "-p", "mcdrl-web", "--lib"];
    arguments.extend(["--target", "wasm32-unknown-unknown", "--profile", module.profile]);
    arguments.extend(["--no-default-features", "--features", module.features]);
    let mut environment = vec![("RUSTFLAGS", if module.threads { SHARED } else { SIMD })];
    if module.threads {
        // The standard library has to be built with atomics, which the pinned stable toolchain can.
        rustup("component", "rust-src")?;
        arguments.extend(["-Z", "build-std=std,panic_abort"]);
        environment.push(("RUSTC_BOOTSTRAP", "1"));
    }
    run("cargo", &arguments, &environment)
}

/// Writes the JavaScript around a compiled module.
fn glue(module: &Module) -> Outcome {
    let built = target_folder().join("wasm32-unknown-unknown").join(module.profile);
    let input = built.join("mcdrl_web.wasm");
    let out = root().join("bindings/web/dist").join(module.name);
    let (input, out) = (input.to_string_lossy(), out.to_string_lossy());
    let bindgen = ["run", "--release", "--quiet", "-p", "bindgen", "--", "web", &input, &out];
    run("cargo", &bindgen, &[])
}

/// Runs npm in a folder.
pub fn npm(folder: &Path, arguments: &[&str]) -> Outcome {
    let folder = folder.to_string_lossy();
    let quiet = ["--prefix", &folder, "--no-audit", "--no-fund"];
    run("npm", &[arguments, &quiet].concat(), &[])
}
