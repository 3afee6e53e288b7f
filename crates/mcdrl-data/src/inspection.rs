//! Everything that is wrong with a dataset, in one run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use mcdrl_image::{Image, MaskFile};
use serde::{Serialize, Serializer};

use crate::mask_values::looks_like_picture;
use crate::{Dataset, LabelledImage, Result, Sample, hold_out_groups};

/// What was found in a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// Each site by name.
    pub sites: BTreeMap<String, SiteInspection>,
    /// The faults. A dataset with faults cannot be used.
    pub faults: Vec<Finding>,
    /// The doubts. A person should look at them.
    pub warnings: Vec<Finding>,
}

/// A fault or a doubt. In JSON it is its sentence.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The sentence that people read.
    pub sentence: String,
    /// The images that it is about, if it is about single ones.
    pub samples: Vec<Sample>,
}

/// What was found in a site.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SiteInspection {
    /// Images with a mask.
    pub images: usize,
    /// Those that could be read and have a lesion.
    pub with_lesion: usize,
    /// Those whose factors are recorded.
    pub with_recorded_factors: usize,
    /// Groups: patients or videos.
    pub groups: usize,
    /// How many images validation would hold out, if it holds out a tenth.
    pub held_out: usize,
    /// For each lesion class its mean share of an image.
    pub class_shares: BTreeMap<String, f64>,
    /// For each value of the mask files the number of masks that have it. At most 40 values.
    pub mask_values: BTreeMap<String, usize>,
    /// The sizes of the images, and how many have each.
    pub sizes: BTreeMap<String, usize>,
}

/// More values than this are not listed.
const MOST_VALUES: usize = 40;

/// A lesion that covers more than this, with all corners, may be the background.
const INVERTED_FROM: f64 = 0.5;

/// An image with fewer colours than this may be a mask.
const FEWEST_COLORS: usize = 5;

/// The share and the seed of the split that is shown.
const HELD_OUT: f64 = 0.1;
const SEED: u64 = 7;

impl Finding {
    fn of(sentence: String, samples: &[&Sample]) -> Self {
        Self { sentence, samples: samples.iter().copied().cloned().collect() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.sentence)
    }
}

impl Dataset {
    /// Reads every file of a dataset folder and lists what is wrong.
    ///
    /// - `progress`: is told how many images are done, and of how many
    ///
    /// # Errors
    /// If the folder has no site.
    pub fn inspect(path: &Path, progress: impl Fn(usize, usize)) -> Result<(Self, Inspection)> {
        let (dataset, faults) = Self::find(path)?;
        let mut found = Inspection {
            sites: BTreeMap::new(),
            faults: faults.iter().map(|fault| Finding::of(fault.to_string(), &[])).collect(),
            warnings: Vec::new(),
        };
        let total = dataset.samples().count();
        let mut fingerprints = Vec::new();
        let mut done = 0;
        for site in &dataset.sites {
            let mut about = SiteInspection {
                images: site.samples.len(),
                groups: site
                    .samples
                    .iter()
                    .map(|sample| &sample.group)
                    .collect::<BTreeSet<_>>()
                    .len(),
                held_out: hold_out_groups(&site.samples, HELD_OUT, SEED).test.len(),
                ..SiteInspection::default()
            };
            for sample in &site.samples {
                about.with_recorded_factors += usize::from(sample.factors.is_some());
                inspect_mask_values(sample, &mut about, &mut found.warnings);
                match dataset.load(sample) {
                    Ok(labelled) => {
                        dataset.inspect_sample(sample, &labelled, &mut about, &mut found.warnings);
                        fingerprints.push((sample, Fingerprint::of(&labelled.image)));
                    }
                    Err(fault) => found.faults.push(Finding::of(fault.to_string(), &[sample])),
                }
                done += 1;
                progress(done, total);
            }
            let images = about.images.max(1) as f64;
            about.class_shares.values_mut().for_each(|share| *share /= images);
            found.sites.insert(site.name.clone(), about);
        }
        let remarks = dataset.warnings.take();
        found.warnings.extend(remarks.into_iter().map(|remark| Finding::of(remark, &[])));
        found.warnings.extend(doubles(&fingerprints));
        Ok((dataset, found))
    }

    fn inspect_sample(
        &self,
        sample: &Sample,
        labelled: &LabelledImage,
        about: &mut SiteInspection,
        warnings: &mut Vec<Finding>,
    ) {
        let mut warn = |sentence| warnings.push(Finding::of(sentence, &[sample]));
        let LabelledImage { image, mask } = labelled;
        let (width, height) = (image.width(), image.height());
        *about.sizes.entry(format!("{width}×{height}")).or_default() += 1;
        let classes = mask.classes();
        let share = |class: u8| {
            classes.iter().filter(|other| **other == class).count() as f64 / classes.len() as f64
        };
        for (name, class) in self.profile.classes.iter().zip(1..) {
            *about.class_shares.entry(name.clone()).or_default() += share(class);
        }
        let lesions = 1.0 - share(0);
        about.with_lesion += usize::from(lesions > 0.0);
        let corners = [0, width - 1, (height - 1) * width, height * width - 1];
        if lesions > INVERTED_FROM && corners.iter().all(|corner| classes[*corner] != 0) {
            let files = sample.masks.iter().map(|path| path.display().to_string());
            warn(format!(
                "{}: the lesion covers {:.0} % of the image and all corners; it looks inverted",
                files.collect::<Vec<_>>().join(", "),
                100.0 * lesions
            ));
        }
        let mut colors: Vec<&[u8]> = Vec::new();
        for color in image.pixels().chunks_exact(3) {
            if colors.len() < FEWEST_COLORS && !colors.contains(&color) {
                colors.push(color);
            }
        }
        let colors = colors.len();
        if colors < FEWEST_COLORS {
            warn(format!(
                "{}: the image has {colors} colours; it looks like a mask",
                sample.image.display()
            ));
        }
        for note in image.notes() {
            warn(format!("{}: {note}", sample.image.display()));
        }
    }
}

fn inspect_mask_values(sample: &Sample, about: &mut SiteInspection, warnings: &mut Vec<Finding>) {
    for path in &sample.masks {
        // A file that cannot be read is a fault of `load`.
        let Some(file) = std::fs::read(path).ok().and_then(|bytes| MaskFile::decode(&bytes).ok())
        else {
            continue;
        };
        let counts = file.counts();
        for value in counts.keys().take(MOST_VALUES) {
            let value = value.to_string();
            if about.mask_values.len() < MOST_VALUES || about.mask_values.contains_key(&value) {
                *about.mask_values.entry(value).or_default() += 1;
            }
        }
        if looks_like_picture(&file, &counts) {
            let (path, values) = (path.display(), counts.len());
            let sentence = format!("{path}: the mask has {values} values; it looks like a picture");
            warnings.push(Finding::of(sentence, &[sample]));
        }
    }
}

/// A short description of an image: a hash of its pixels, the signs of differences (dHash), and a thumbnail. Equal images have
/// equal hashes. Similar images have similar signs and thumbnails.
struct Fingerprint {
    exact: u64,
    differences: u64,
    thumbnail: Vec<u8>,
}

/// Two images are nearly the same if at most this many of 64 signs differ, and grey values by at most this in the mean.
const NEAR_SIGNS: u32 = 4;
const NEAR_GREY: f64 = 5.0;

impl Fingerprint {
    fn of(image: &Image) -> Self {
        let mut hasher = DefaultHasher::new();
        (image.width(), image.height(), image.pixels()).hash(&mut hasher);
        let grey = |width, height| -> Vec<u8> {
            let small = image.resize(width, height);
            let grey =
                |pixel: &[u8]| (pixel.iter().map(|value| u16::from(*value)).sum::<u16>() / 3) as u8;
            small.pixels().chunks_exact(3).map(grey).collect()
        };
        let rows = grey(9, 8);
        let rises =
            rows.chunks_exact(9).flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0]));
        let differences = rises.fold(0, |bits, rises| bits << 1 | u64::from(rises));
        Self { exact: hasher.finish(), differences, thumbnail: grey(16, 16) }
    }

    fn is_near(&self, other: &Self) -> bool {
        if (self.differences ^ other.differences).count_ones() > NEAR_SIGNS {
            return false;
        }
        let grey: u32 = self
            .thumbnail
            .iter()
            .zip(&other.thumbnail)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        f64::from(grey) / self.thumbnail.len() as f64 <= NEAR_GREY
    }
}

/// Images that are there twice, or nearly, in two groups: a split can put them on both sides.
fn doubles(images: &[(&Sample, Fingerprint)]) -> Vec<Finding> {
    let is_apart = |a: &Sample, b: &Sample| (&a.site, &a.group) != (&b.site, &b.group);
    let mut found = Vec::new();
    let both = |sentence, one, other| Finding::of(sentence, &[one, other]);
    let mut first: HashMap<u64, &Sample> = HashMap::new();
    for (at, (sample, fingerprint)) in images.iter().enumerate() {
        if let Some(other) = first.get(&fingerprint.exact).filter(|other| is_apart(other, sample)) {
            let sentence = format!(
                "{} and {} are the same picture; a split can put them on both sides",
                other.label(),
                sample.label()
            );
            found.push(both(sentence, other, sample));
            continue;
        }
        first.entry(fingerprint.exact).or_insert(sample);
        let near = images[..at].iter().find(|(other, print)| {
            print.exact != fingerprint.exact
                && print.is_near(fingerprint)
                && is_apart(other, sample)
        });
        if let Some((other, _)) = near {
            let sentence = format!(
                "{} and {} are nearly the same picture; if they show the same patient, they belong to one group",
                other.label(),
                sample.label()
            );
            found.push(both(sentence, other, sample));
        }
    }
    found
}
