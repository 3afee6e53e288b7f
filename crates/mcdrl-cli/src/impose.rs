use std::path::{Path, PathBuf};

use clap::Args;
use mcdrl::data::{read_image, write_atomic};
use mcdrl::synth::{Renderer, Rendition};
use mcdrl::{Image, Mask};
use serde_json::json;

use crate::error::{Failure, Outcome};
use crate::output::say;

/// Height of a picture on a sheet, pixels.
const ROW: usize = 192;

/// Impose a named confounder on images: the same scene under blur, glare, blood, ….
#[derive(Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub struct Impose {
    /// The confounder.
    #[arg(long, group = "which")]
    confounder: Option<Renderer>,
    /// All confounders.
    #[arg(long, group = "which")]
    all: bool,
    /// Its strength, 0 (nothing) to 1.
    #[arg(long, default_value_t = 0.7, value_parser = share)]
    strength: f32,
    /// The same seed gives the same layout, at every strength.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Use the renderers that are kept for tests and never trained on.
    #[arg(long)]
    held_back: bool,
    /// The folder for `<name>.<confounder>.png`.
    #[arg(long, default_value = "imposed")]
    out: PathBuf,
    /// Instead, draw everything on one PNG: a column for each image; a row for the originals, then one for each confounder.
    #[arg(long)]
    sheet: Option<PathBuf>,
    /// Images.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Print machine-readable JSON.
    #[arg(long)]
    json: bool,
}

impl Impose {
    pub fn run(self) -> Outcome {
        let renderers = self.confounder.map_or(Renderer::ALL.to_vec(), |renderer| vec![renderer]);
        let images: Vec<Image> =
            self.images.iter().map(|path| read_image(path)).collect::<Result<_, _>>()?;
        match &self.sheet {
            Some(file) => self.draw_sheet(file, &renderers, &images),
            None => self.write_each(&renderers, &images),
        }
    }

    fn write_each(&self, renderers: &[Renderer], images: &[Image]) -> Outcome {
        std::fs::create_dir_all(&self.out).map_err(Failure::io(&self.out))?;
        for (path, image) in self.images.iter().zip(images) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            for renderer in renderers {
                let file = self.out.join(format!("{name}.{renderer}.png"));
                write_atomic(&file, &self.impose(*renderer, image).encode_png()?)?;
                if self.json {
                    let line = json!({
                        "image": path.to_string_lossy(),
                        "confounder": renderer.name(),
                        "strength": self.strength,
                        "file": file.to_string_lossy(),
                    });
                    say!("{line}");
                } else {
                    say!("{}: {renderer} at strength {}", file.display(), self.strength);
                }
            }
        }
        Ok(())
    }

    fn draw_sheet(&self, file: &Path, renderers: &[Renderer], images: &[Image]) -> Outcome {
        let originals = std::iter::once(images.to_vec());
        let imposed = renderers.iter().map(|renderer| {
            images.iter().map(|image| self.impose(*renderer, image)).collect::<Vec<_>>()
        });
        let rows: Vec<Vec<Image>> = originals.chain(imposed).collect();
        write_atomic(file, &sheet(&rows)?.encode_png()?)?;
        let names: Vec<&str> = renderers.iter().map(|renderer| renderer.name()).collect();
        if self.json {
            let line = json!({ "sheet": file.to_string_lossy(), "rows": names });
            say!("{line}");
        } else {
            say!("{}: the originals, then {}", file.display(), names.join(", "));
        }
        Ok(())
    }

    fn impose(&self, renderer: Renderer, image: &Image) -> Image {
        let (width, height) = (image.width(), image.height());
        let mask = Mask::from_classes(width, height, vec![0; width * height])
            .expect("the size is that of an image");
        let rendition = if self.held_back { Rendition::HeldBack } else { Rendition::Trained };
        renderer.impose(image, &mask, self.strength, self.seed, rendition).image
    }
}

/// Rows of pictures of the same height, side by side.
fn sheet(rows: &[Vec<Image>]) -> Outcome<Image> {
    let scaled = |image: &Image| {
        let width = (image.width() * ROW).div_ceil(image.height());
        image.resize(width.max(1), ROW)
    };
    let mut pixels = Vec::new();
    let mut width = 0;
    for row in rows {
        let row: Vec<Image> = row.iter().map(scaled).collect();
        width = row.iter().map(Image::width).sum();
        for line in 0..ROW {
            for image in &row {
                pixels.extend(&image.pixels()[3 * image.width() * line..][..3 * image.width()]);
            }
        }
    }
    Ok(Image::from_rgb(width, rows.len() * ROW, pixels)?)
}

/// Reads a number between 0 and 1.
pub fn share(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("must lie between 0 and 1".into()) }
}
