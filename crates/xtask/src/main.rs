//! The chores of this repository: `cargo xtask <chore>`.

mod bindings;
mod browsers;
mod cargo;
mod demo;
mod mobile;
mod shell;
mod test;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <chore>

  demo       build mcdrl and segment the bundled samples: mcdrl-demo/report.html
  web        build the WebAssembly modules, the npm package and the browser app: www/dist
  browsers   run the suites in Node and in browsers, after `web`
  bindings   build the library under Kotlin, Swift and Python, and test the packages (or the parts named)
  mobile     test the apps: mobile/screens and mobile/mcdrl.apk in the target folder
  test       install what the tests need and run them all (what CI runs)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["demo", rest @ ..] => demo::demo(rest),
        ["web", modules @ ..] => web::web(modules),
        ["bindings", parts @ ..] => bindings::bindings(parts),
        ["browsers"] => browsers::browsers(),
        ["mobile"] => mobile::mobile(),
        ["test"] => test::test(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
