//! Lists the sample images, so that the folder is the only place that names them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn main() {
    // Asked for when the script runs: a target directory may outlive the clone that the script was compiled in.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let samples = Path::new(&here).join("assets/samples");
    println!("cargo::rerun-if-changed=assets/samples");
    println!("cargo::rerun-if-env-changed=CARGO_MANIFEST_DIR");
    let mut list = String::from("&[");
    for site in sorted(&samples).into_iter().filter(|path| path.is_dir()) {
        for image in sorted(&site.join("images")) {
            let stem = image.file_stem().expect("an image has a name").to_string_lossy();
            let mask = site.join("masks").join(format!("{stem}.png"));
            let site = site.file_name().expect("a site has a name").to_string_lossy();
            write!(
                list,
                "DemoSample {{ site: {site:?}, name: {stem:?}, image: include_bytes!({image:?}), mask: \
                 include_bytes!({mask:?}) }},"
            )
            .expect("a string takes all");
        }
    }
    list.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(out.join("samples.rs"), list).expect("OUT_DIR can be written");
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
