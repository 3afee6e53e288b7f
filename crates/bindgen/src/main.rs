//! `bindgen web MODULE.wasm OUT`: the JavaScript and type declarations around a compiled WebAssembly module.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["web", module, out] => web(module, out),
        _ => {
            eprintln!("usage: bindgen web MODULE.wasm OUT");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bindgen: {message}");
            ExitCode::FAILURE
        }
    }
}

fn web(module: &str, out: &str) -> Result<(), String> {
    let mut bindgen = Bindgen::new();
    let bindgen = bindgen.input_path(module).out_name("mcdrl").typescript(true);
    let bindgen = bindgen.remove_name_section(true).remove_producers_section(true);
    let bindgen = bindgen.web(true).map_err(|e| format!("{e:#}"))?;
    bindgen.generate(out).map_err(|e| format!("{module}: {e:#}"))
}
