use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use mcdrl::data::{self, PART, write_atomic};
use mcdrl::{Bounds, DeviceKind, Lesion, Segmentation, Segmenter, TINT, overlay};
use serde_json::{Value, json};

use crate::error::{Failure, Outcome};
use crate::impose::share;
use crate::in_order::in_order;
use crate::inputs::{DICOM_SEG, Input, Inputs, MASK, OVERLAY};
use crate::maps::{MAP, MapFormat, Maps};
use crate::output::{Bar, Common, tell, tell_fallback};
use crate::picture::{Opened, Picture};
use crate::view::ViewOptions;

/// Segment images: write masks and overlays, print the confounders.
#[derive(Args)]
pub struct Segment {
    /// The model file. Default: the embedded demonstration model.
    #[arg(long)]
    model: Option<PathBuf>,
    /// The folder for `<name>.mask.png` (class indices) and `<name>.overlay.png`.
    #[arg(long)]
    out: PathBuf,
    /// The format of the masks. `dicom-seg` also writes `<name>.seg.dcm`, a DICOM Segmentation that refers to its picture.
    #[arg(long, value_enum, default_value = "png")]
    format: MaskFormat,
    /// Also write maps `<name>.map-….png`: probability, uncertainty, confounders. Several are separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    maps: Vec<Maps>,
    /// The format of the maps.
    #[arg(long, value_enum, default_value = "png")]
    map_format: MapFormat,
    /// A pixel is a lesion above this probability, 0 to 1. Default: that of the model, or else 0.5.
    #[arg(long, value_parser = share)]
    threshold: Option<f32>,
    /// Leave out the images whose results are already there: continue an interrupted run, with the same images and options.
    #[arg(long)]
    resume: bool,
    /// Black out what is around the picture in overlays: borders, panels, and the text in them. Text on the picture itself, or touching it,
    /// stays.
    #[arg(long)]
    redact: bool,
    /// How many images are segmented at once. Default: one per core on the CPU, at most 8.
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    view: ViewOptions,
    /// Images, or folders of images. A DICOM file with several frames has results `<name>.frame-0001.mask.png` and so on.
    #[arg(required = true)]
    input: Vec<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// The format of masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MaskFormat {
    /// PNG with class indices.
    Png,
    /// DICOM Segmentation, beside the PNG.
    DicomSeg,
}

/// What became of an image that could not be segmented.
enum Miss {
    /// A file in a folder that is no image: told, and no error.
    Junk(Failure),
    /// An image that cannot be read or segmented. The others go on.
    Image(Failure),
    /// The results cannot be written. Nothing goes on.
    Disk(Failure),
}

/// A picture whose file was opened, or why it was not.
type Unread = (Picture, Result<Arc<Opened>, Miss>);

/// What is written and said about a picture.
struct Results {
    /// Paths and contents of mask and overlay.
    files: Vec<(PathBuf, Vec<u8>)>,
    /// Remarks, one sentence each.
    notes: Vec<String>,
    /// The line for standard output.
    line: String,
}

impl Segment {
    pub fn run(self) -> Outcome {
        let mut segmenter = self.view.apply(&open_segmenter(self.model.as_deref(), &self.common)?);
        if self.threshold.is_some() {
            segmenter = segmenter.with_threshold(self.threshold);
        }
        std::fs::create_dir_all(&self.out).map_err(Failure::io(&self.out))?;
        let mut inputs = Inputs::find(&self.input)?;
        for sentence in &inputs.left_out {
            tell!("mcdrl: {sentence}");
        }
        let all = inputs.images.len();
        if self.resume {
            remove_parts(&self.out)?;
            inputs.images.retain(|input| !self.is_done(&segmenter, &Picture::of(input)));
        }
        let bar = Bar::new("images", all, all - inputs.images.len());
        let failed = self.segment_all(&segmenter, &inputs.images, &bar)?;
        match (failed, bar.length()) {
            (0, _) => Ok(()),
            (failed, all) => {
                Err(Failure::Failed(format!("{failed} of {all} images could not be segmented")))
            }
        }
    }

    /// Segments images in several threads and writes the results. Returns how many images failed.
    fn segment_all(&self, segmenter: &Segmenter, inputs: &[Input], bar: &Bar) -> Outcome<usize> {
        let pictures = inputs.iter().flat_map(|input| self.pictures(segmenter, input, bar));
        let mut failed = 0;
        let segment = |(picture, opened): Unread| {
            let results = opened.and_then(|opened| self.segment_one(segmenter, &picture, &opened));
            (picture, results)
        };
        in_order(self.jobs(segmenter), pictures, segment, |(picture, results)| {
            match results.and_then(|results| write(&picture, &results, bar)) {
                Ok(()) => {}
                Err(Miss::Junk(failure)) => {
                    bar.tell(format_args!("mcdrl: {failure}; it was left out"))
                }
                Err(Miss::Image(failure)) => {
                    bar.tell(format_args!("mcdrl: {failure}"));
                    failed += 1;
                }
                Err(Miss::Disk(failure)) => {
                    return Err(Failure::Failed(format!(
                        "{failure}; stopped. `--resume` continues when the results can be written"
                    )));
                }
            }
            bar.step();
            Ok(())
        })?;
        Ok(failed)
    }

    /// The pictures of a file, without those that are done.
    fn pictures(&self, segmenter: &Segmenter, input: &Input, bar: &Bar) -> Vec<Unread> {
        let opened = match Opened::open(input) {
            Ok(opened) => Arc::new(opened),
            Err(error) => return vec![(Picture::of(input), Err(Miss::of(error, input.is_named)))],
        };
        let mut pictures = opened.pictures(input);
        bar.grow(pictures.len() - 1);
        if self.resume && pictures.len() > 1 {
            pictures.retain(|picture| {
                let is_done = self.is_done(segmenter, picture);
                is_done.then(|| bar.step());
                !is_done
            });
        }
        pictures.into_iter().map(|picture| (picture, Ok(opened.clone()))).collect()
    }

    /// Decodes a picture, segments it, and encodes the results.
    fn segment_one(
        &self,
        segmenter: &Segmenter,
        picture: &Picture,
        opened: &Opened,
    ) -> Result<Results, Miss> {
        let image = opened.decode(picture).map_err(|error| Miss::of(error, picture.is_named))?;
        let started = Instant::now();
        let mut segmentation =
            segmenter.segment(&image).map_err(|error| Miss::Image(error.into()))?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let encode = |png: Result<Vec<u8>, mcdrl::ImageError>| {
            png.map_err(|error| Miss::Image(error.into()))
        };
        let profile = &segmenter.header().profile;
        let dicom_seg = match self.format {
            MaskFormat::DicomSeg => Some(dicom_seg(picture, &segmentation, &profile.classes)?),
            MaskFormat::Png => None,
        };
        // Maps are large, so they do not wait for their turn.
        let save = |path: &Path, bytes: &[u8]| {
            write_atomic(path, bytes).map_err(|error| Miss::Disk(error.into()))
        };
        for kind in &self.maps {
            for (index, name) in kind.names(profile).iter().enumerate() {
                let map =
                    kind.map(index, &segmentation).and_then(|map| self.map_format.encode(&map));
                save(&self.map_path(picture, name), &encode(map)?)?;
            }
        }
        if let Some(written) = dicom_seg {
            save(&self.path(picture, DICOM_SEG), &written)?;
        }
        let redacted = if self.redact { image.redacted() } else { None };
        let drawn = overlay(redacted.as_ref().unwrap_or(&image), &segmentation.mask, TINT);
        if self.redact && redacted.is_none() {
            segmentation.notes.push(NOT_REDACTED.into());
        }
        // The mask and the overlay come last: with them the image is done.
        let mask = self.path(picture, MASK);
        let files = vec![
            (mask.clone(), encode(segmentation.mask.encode_png())?),
            (self.path(picture, OVERLAY), encode(drawn.encode_png())?),
        ];
        let line = if self.common.json {
            line(segmenter, picture, &mask, &segmentation, milliseconds).to_string()
        } else {
            format!("{}: {}", picture.shown(), describe(&segmentation))
        };
        Ok(Results { files, notes: segmentation.notes, line })
    }

    /// How many images are segmented at once: two on a GPU, so that it need not wait. On the CPU the steps between the convolutions use
    /// one core, so several images keep all cores busy.
    fn jobs(&self, segmenter: &Segmenter) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        match (self.jobs, segmenter.device().kind) {
            (Some(jobs), _) => jobs.get(),
            (None, DeviceKind::Cpu) => cores().min(MOST_JOBS),
            (None, DeviceKind::Gpu) => 2,
        }
    }

    fn path(&self, picture: &Picture, ending: &str) -> PathBuf {
        self.out.join(format!("{}{ending}", picture.name))
    }

    fn map_path(&self, picture: &Picture, name: &str) -> PathBuf {
        self.path(picture, &format!("{MAP}{name}.{}", self.map_format.extension()))
    }

    fn is_done(&self, segmenter: &Segmenter, picture: &Picture) -> bool {
        let profile = &segmenter.header().profile;
        let names = self.maps.iter().flat_map(|kind| kind.names(profile));
        let mut paths: Vec<PathBuf> = names.map(|name| self.map_path(picture, &name)).collect();
        paths.extend([MASK, OVERLAY].map(|ending| self.path(picture, ending)));
        if self.format == MaskFormat::DicomSeg {
            paths.push(self.path(picture, DICOM_SEG));
        }
        paths.iter().all(|path| path.is_file())
    }
}

/// The most images that are segmented at once by default. Each takes memory.
const MOST_JOBS: usize = 8;

/// Writes the results of a picture, then says what was found.
fn write(picture: &Picture, results: &Results, bar: &Bar) -> Result<(), Miss> {
    for (path, bytes) in &results.files {
        write_atomic(path, bytes).map_err(|error| Miss::Disk(error.into()))?;
    }
    for note in &results.notes {
        bar.tell(format_args!("mcdrl: {}: {note}", picture.shown()));
    }
    let unsaid = |error| Miss::Disk(Failure::Failed(format!("standard output: {error}")));
    bar.say(format_args!("{}", results.line)).map_err(unsaid)
}

impl Miss {
    fn of(error: data::Error, is_named: bool) -> Self {
        let is_junk = matches!(&error, data::Error::Image { source, .. } if source.is_junk());
        if is_junk && !is_named { Self::Junk(error.into()) } else { Self::Image(error.into()) }
    }
}

/// A DICOM Segmentation that refers to the picture.
fn dicom_seg(
    picture: &Picture,
    segmentation: &Segmentation,
    classes: &[String],
) -> Result<Vec<u8>, Miss> {
    let failure =
        |problem: String| Miss::Image(Failure::Failed(format!("{}: {problem}", picture.shown())));
    let Some(file) = &picture.dicom else {
        return Err(failure(
            "is no DICOM file, so a DICOM Segmentation cannot refer to it; leave out `--format dicom-seg`".into(),
        ));
    };
    let frame = picture.frame.map_or(0, |frame| frame - 1);
    let written = file.segmentation(frame, &segmentation.mask, classes);
    written.map_err(|error| failure(error.to_string()))
}

fn line(
    segmenter: &Segmenter,
    picture: &Picture,
    mask: &Path,
    segmentation: &Segmentation,
    milliseconds: f64,
) -> Value {
    let Bounds { left, top, width, height } = segmentation.area;
    let mut line = json!({
        "image": picture.path.to_string_lossy(),
        "width": segmentation.mask.width(),
        "height": segmentation.mask.height(),
        "mask": mask.to_string_lossy(),
        "active_area": [left, top, width, height],
        "classes": segmentation.classes,
        "lesions": segmentation.lesions,
        "confounders": segmentation.confounders,
        "disturbances": segmentation.disturbances,
        "unfamiliar": segmentation.unfamiliar,
        "uncertainty": segmentation.uncertainty(),
        "expected_dice": segmentation.expected_dice,
        "notes": segmentation.notes,
        "device": segmenter.device().kind.name(),
        "milliseconds": (milliseconds * 100.0).round() / 100.0,
    });
    if let Some(frame) = picture.frame {
        line["frame"] = frame.into();
    }
    line
}

/// What is said about a picture that `--redact` could not change.
pub const NOT_REDACTED: &str = "nothing around the picture was found, so nothing was blacked out; look whether text is on the picture itself";

/// Removes what a run that was killed has begun to write.
fn remove_parts(folder: &Path) -> Outcome {
    for entry in std::fs::read_dir(folder).map_err(Failure::io(folder))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PART) {
            std::fs::remove_file(entry.path()).map_err(Failure::io(&entry.path()))?;
        }
    }
    Ok(())
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
    let Bounds { width, height, .. } = segmentation.area;
    let mut parts = vec![found(&segmentation.lesions, width as f32 * height as f32)];
    if !segmentation.disturbances.is_empty() {
        parts.push(segmentation.disturbances.join(", "));
    }
    if segmentation.unfamiliar >= UNFAMILIAR {
        parts.push("unlike the training pictures: do not rely on the mask".into());
    }
    parts.join("; ")
}

/// "2 lesions on 3.1 % of the picture: polyp 81 %, polyp 64 %"
///
/// - `pixels`: those of the picture
fn found(lesions: &[Lesion], pixels: f32) -> String {
    if lesions.is_empty() {
        return "no lesion".into();
    }
    let named = |lesion: &Lesion| format!("{} {:.0} %", lesion.class, 100.0 * lesion.confidence);
    let named: Vec<String> = lesions.iter().map(named).collect();
    let share = lesions.iter().map(|lesion| lesion.pixels as f32).sum::<f32>() / pixels;
    let count =
        if lesions.len() == 1 { "1 lesion".into() } else { format!("{} lesions", lesions.len()) };
    format!("{count} on {:.1} % of the picture: {}", 100.0 * share, named.join(", "))
}

/// An image is called unfamiliar from this value on.
const UNFAMILIAR: f32 = 0.5;
