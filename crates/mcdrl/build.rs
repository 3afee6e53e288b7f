//! Lists the sample images. The folder is the only place that names them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    // Cargo runs the script in the package. Relative paths stay valid if a target directory outlives the clone.
    let samples = Path::new("assets/samples");
    println!("cargo::rerun-if-changed={}", samples.display());
    let mut list = String::from("&[");
    for site in sorted(samples).into_iter().filter(|path| path.is_dir()) {
        for image in sorted(&site.join("images")) {
            let stem = image.file_stem().expect("an image has a name").to_string_lossy();
            let mask = site.join("masks").join(format!("{stem}.png"));
            let site = site.file_name().expect("a site has a name").to_string_lossy();
            write!(
                list,
                "DemoSample {{ site: {site:?}, name: {stem:?}, image: {}, mask: {} }},",
                bytes_of(&image),
                bytes_of(&mask)
            )
            .expect("writing to a string cannot fail");
        }
    }
    list.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join("samples.rs"), list).expect("OUT_DIR can be written");
}

/// The Rust expression that embeds a file of this package.
fn bytes_of(path: &Path) -> String {
    format!(
        "include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {:?}))",
        format!("/{}", path.display())
    )
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
