use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use mcdrl::data::{is_image, read_image, write_atomic};
use mcdrl::{Segmentation, Segmenter, TINT, overlay};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::output::{Common, say, tell, tell_fallback};

/// Segment images: write masks and overlays, print the confounders.
#[derive(Args)]
pub struct Segment {
    /// The model file. Default: the embedded demonstration model.
    #[arg(long)]
    model: Option<PathBuf>,
    /// The folder for `<name>.mask.png` (class indices) and `<name>.overlay.png`.
    #[arg(long)]
    out: PathBuf,
    /// Images, or folders of images.
    #[arg(required = true)]
    input: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Segment {
    pub fn run(self) -> Outcome {
        let segmenter = open_segmenter(self.model.as_deref(), &self.common)?;
        let images = find_images(&self.input)?;
        std::fs::create_dir_all(&self.out).map_err(Failure::io(&self.out))?;
        let mut failed = 0;
        for (path, name) in &images {
            // One bad image must not stop the rest of an archive.
            if let Err(failure) = self.segment_one(&segmenter, path, name) {
                tell!("mcdrl: {failure}");
                failed += 1;
            }
        }
        match failed {
            0 => Ok(()),
            failed => Err(Failure::Failed(format!(
                "{failed} of {} images could not be segmented",
                images.len()
            ))),
        }
    }

    fn segment_one(&self, segmenter: &Segmenter, path: &Path, name: &str) -> Outcome {
        let image = read_image(path)?;
        let started = Instant::now();
        let segmentation = segmenter.segment(&image)?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let mask = self.out.join(format!("{name}.mask.png"));
        write_atomic(&mask, &segmentation.mask.encode_png()?)?;
        let drawn = overlay(&image, &segmentation.mask, TINT);
        write_atomic(&self.out.join(format!("{name}.overlay.png")), &drawn.encode_png()?)?;
        let line = json!({
            "image": path.to_string_lossy(),
            "width": image.width(),
            "height": image.height(),
            "mask": mask.to_string_lossy(),
            "classes": segmentation.classes,
            "confounders": segmentation.confounders,
            "disturbances": segmentation.disturbances,
            "unfamiliar": segmentation.unfamiliar,
            "uncertainty": segmentation.uncertainty(),
            "expected_dice": segmentation.expected_dice,
            "device": segmenter.device().kind.name(),
            "milliseconds": (milliseconds * 100.0).round() / 100.0,
        });
        if self.common.json {
            say!("{line}");
        } else {
            say!("{}: {}", path.display(), describe(&segmentation));
        }
        Ok(())
    }
}

/// The model at `path`, or the embedded one, on the chosen device.
pub fn open_segmenter(path: Option<&Path>, common: &Common) -> Outcome<Segmenter> {
    let open = |bytes: &[u8]| Segmenter::open_blocking(bytes, common.open_options());
    let segmenter = match path {
        Some(path) => {
            let bytes = std::fs::read(path).map_err(Failure::io(path))?;
            open(&bytes).map_err(Failure::file(path))?
        }
        None => open(mcdrl::demo::MODEL)?,
    };
    tell_fallback(segmenter.device());
    Ok(segmenter)
}

/// A readable line about a segmentation.
pub fn describe(segmentation: &Segmentation) -> String {
    let found: Vec<String> = segmentation
        .classes
        .iter()
        .filter(|class| class.fraction > 0.0)
        .map(|class| format!("{} {:.1} %", class.name, 100.0 * class.fraction))
        .collect();
    let found = if found.is_empty() { "no lesion".into() } else { found.join(", ") };
    let mut parts = vec![found];
    if !segmentation.disturbances.is_empty() {
        parts.push(segmentation.disturbances.join(", "));
    }
    if segmentation.unfamiliar >= UNFAMILIAR {
        parts.push("unlike the training pictures: do not rely on the mask".into());
    }
    parts.join("; ")
}

/// An image is called unfamiliar from this value on.
const UNFAMILIAR: f32 = 0.5;

/// Finds the images among the inputs and names their results. A result has the name of its file. If two names are equal, the
/// names of the folders are put before it, or a number after it.
fn find_images(inputs: &[PathBuf]) -> Outcome<Vec<(PathBuf, String)>> {
    let mut paths = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            paths.push(input.clone());
            continue;
        }
        let before = paths.len();
        collect(input, &mut paths)?;
        if paths.len() == before {
            let shown = input.display();
            return Err(Failure::Failed(format!(
                "{shown}: no jpg, png, tif, bmp or webp image in this folder"
            )));
        }
    }
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut named: Vec<(PathBuf, String)> = Vec::new();
    let mut taken = std::collections::HashSet::new();
    for path in paths {
        let short = stem(&path);
        let mut name = short.clone();
        let mut folders = path.ancestors().skip(1).filter_map(Path::file_name);
        let mut number = 2..;
        while !taken.insert(name.clone()) {
            name = match (folders.next(), number.next()) {
                (Some(folder), _) => format!("{}-{name}", folder.to_string_lossy()),
                (None, number) => format!("{short}-{}", number.unwrap_or_default()),
            };
        }
        named.push((path, name));
    }
    Ok(named)
}

/// Collects the images under a folder in order. Skips folders with the name `masks`.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Outcome {
    let entries = std::fs::read_dir(folder).map_err(Failure::io(folder))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "masks") {
                collect(&path, paths)?;
            }
        } else if is_image(&path) {
            paths.push(path);
        }
    }
    Ok(())
}
