//! A copy of a dataset folder in which a confounder is tied to the lesions.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use mcdrl_data::{Dataset, LabelledImage, Sample, new_folder};
use rayon::prelude::*;

use crate::confounding::Confounding;
use crate::{Error, Result};

/// Writes the samples with the confounder, their masks, their groups, and the `dataset.toml` of the folder. The same arguments
/// give the same bytes. `progress` is called with the number of finished images.
///
/// # Errors
/// [`Error::Data`] if the folder exists, [`Error::Io`]; [`Error::Data`] for an image or a mask that cannot be read.
pub fn write_confounded(
    dataset: &Dataset,
    samples: &[Sample],
    confounding: &Confounding,
    seed: u64,
    out: &Path,
    progress: impl Fn(usize) + Sync,
) -> Result<()> {
    let done = AtomicUsize::new(0);
    new_folder(out, |folder| {
        for site in &dataset.sites {
            let samples: Vec<&Sample> = samples.iter().filter(|s| s.site == site.name).collect();
            if samples.is_empty() {
                continue;
            }
            let [images, masks] =
                ["images", "masks"].map(|part| folder.join(&site.name).join(part));
            for folder in [&images, &masks] {
                fs::create_dir_all(folder).map_err(Error::io(folder))?;
            }
            samples.par_iter().enumerate().try_for_each(|(number, sample)| {
                let LabelledImage { image, mask } = dataset.load(sample)?;
                let image = confounding.apply(&image, &mask, seed, number);
                for (folder, png) in [(&images, image.encode_png()), (&masks, mask.encode_png())] {
                    let file = folder.join(format!("{}.png", sample.name));
                    fs::write(&file, png.map_err(Error::image(&file))?)
                        .map_err(Error::io(&file))?;
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                Ok::<_, Error>(())
            })?;
            let lines =
                samples.iter().map(|s| format!("{},{}\n", quoted(&s.name), quoted(&s.group)));
            let file = folder.join(&site.name).join("groups.csv");
            let text = std::iter::once("image,group\n".to_owned()).chain(lines).collect::<String>();
            fs::write(&file, text).map_err(Error::io(&file))?;
        }
        let (from, to) = (dataset.path.join("dataset.toml"), folder.join("dataset.toml"));
        if from.is_file() {
            fs::copy(&from, &to).map_err(Error::io(&from))?;
        }
        Ok(())
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
