//! The suites in Node and in real browsers, and the programs that they need.

use crate::shell::{Outcome, debian_packages, root, run};
use crate::web::npm;

/// What drives each engine, as Debian names it.
const PACKAGES: [(&str, &str); 5] = [
    ("/usr/bin/chromium", "chromium"),
    ("/usr/bin/firefox-esr", "firefox-esr"),
    ("/usr/bin/WebKitWebDriver", "webkit2gtk-driver"),
    ("/usr/bin/xvfb-run", "xvfb"),
    ("/usr/bin/xauth", "xauth"),
];

/// Runs the browser suites; engines that are missing and cannot be installed say "skipped".
pub fn browsers() -> Outcome {
    debian_packages(&PACKAGES)?;
    let tests = root().join("tests/browser");
    npm(&tests, &["ci"])?;
    run("npm", &["test", "--prefix", &tests.to_string_lossy()], &[])
}
