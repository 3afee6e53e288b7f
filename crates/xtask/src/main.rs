//! The chores of this repository: `cargo xtask <chore>`.

mod bindings;
mod mobile;
mod native;
mod phones;
mod web;
mod weights;
mod workspace;

const USAGE: &str = "usage: cargo xtask <chore>

  demo       segment the bundled samples: mcdrl-demo/report.html
  test       install what the tests need and run all tests
  web        build the npm package and the browser app as shipped: www/dist; `web dev` builds faster
  weights    download the pre-trained encoders that training starts from: target/weights
  browsers   test the npm package and the app in Node and in browsers, after `web`
  bindings   build and test the packages, or the given parts: generate, kotlin, swift, python, phones
  mobile     test the apps: target/mobile/mcdrl.apk and target/mobile/screens
  release    build and check all parts as shipped, or the given parts: command, packages, web, phones";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sh = &workspace::shell()?;
    match arguments.as_slice() {
        ["demo", rest @ ..] => native::demo(sh, rest),
        ["test"] => native::test(sh),
        ["web"] => web::ship(sh),
        ["web", "dev"] => web::build_for_tests(sh),
        ["weights"] => weights::fetch(sh),
        ["browsers"] => web::browsers(sh),
        ["bindings", "phones"] => phones::check(),
        ["bindings", parts @ ..] => native::build(sh).and_then(|()| bindings::bindings(sh, parts)),
        ["mobile"] => native::build(sh).and_then(|()| mobile::mobile(sh)),
        ["release", parts @ ..] => native::release(sh, parts),
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2)
        }
    }
}
