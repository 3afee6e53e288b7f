//! The network's answer for one image, at the image's own size.

use serde::Serialize;

use crate::profile::Profile;
use crate::{Mask, Result};

/// A segmented image.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// A class for every pixel of the image.
    pub mask: Mask,
    /// Every lesion class, in the order of the mask values.
    pub classes: Vec<ClassShare>,
    /// Every confounder and how much of the image's features it explains; the weights sum to one. Empty for a
    /// model without intervention.
    pub confounders: Vec<ConfounderWeight>,
    /// The candidate regions that the text selected.
    pub regions: RegionMap,
    probabilities: GridMap,
    entropy: GridMap,
}

/// How much of an image a class takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassShare {
    /// The class's name.
    pub name: String,
    /// Its share of the pixels, 0..1.
    pub fraction: f32,
    /// The mean probability of the class over its pixels, 0 where there are none.
    pub confidence: f32,
}

/// A named confounder's share of the explanation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfounderWeight {
    /// The confounder's name.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
    /// Its weight, 0..1.
    pub weight: f32,
}

/// The grid on which regions were selected.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionMap {
    /// H.
    pub rows: usize,
    /// W.
    pub columns: usize,
    /// Ŝ, the similarity to the best class prompt, row-major, -1..1.
    pub similarity: Vec<f32>,
    /// Whether a position was retained, row-major.
    pub retained: Vec<bool>,
    /// For every confounder a map of its weight at the retained positions, 0 at the others, row-major. Empty for a
    /// model without intervention.
    pub confounders: Vec<Vec<f32>>,
}

/// Values on the network's own grid: `[channels, rows, columns]`.
#[derive(Clone, Debug)]
struct GridMap {
    channels: usize,
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

/// What the network said about one image, read back from the device.
pub(crate) struct RawOutput {
    /// `[K + 1, rows, columns]`.
    pub logits: Vec<f32>,
    pub rows: usize,
    pub columns: usize,
    /// `[M]`, empty without intervention.
    pub confounders: Vec<f32>,
    pub regions: RegionMap,
}

impl Segmentation {
    /// Turns the network's answer into masks of an image of `width × height` pixels.
    pub(crate) fn from_output(
        output: RawOutput,
        profile: &Profile,
        width: usize,
        height: usize,
    ) -> Result<Self> {
        let channels = profile.classes.len() + 1;
        let probabilities = GridMap::softmax(output.logits, channels, output.rows, output.columns);
        let (mask, classes) = probabilities.decide(profile, width, height)?;
        let confounders = profile.confounders.iter().zip(output.confounders);
        Ok(Self {
            mask,
            classes,
            confounders: confounders
                .map(|(confounder, weight)| ConfounderWeight {
                    name: confounder.name.clone(),
                    family: confounder.family.clone(),
                    weight,
                })
                .collect(),
            regions: output.regions,
            entropy: probabilities.entropy(),
            probabilities,
        })
    }

    /// The probability of class `index` (0 is the background) at every pixel of the image, row-major.
    /// `None` if there is no such class.
    pub fn confidence_mask(&self, index: usize) -> Option<Vec<f32>> {
        let map = &self.probabilities;
        let pixels = map.rows * map.columns;
        (index < map.channels).then(|| {
            let values = map.values[index * pixels..][..pixels].to_vec();
            GridMap { channels: 1, values, ..*map }.scaled(self.mask.width(), self.mask.height())
        })
    }

    /// How unsure the model is at every pixel of the image: the entropy of its class probabilities over the
    /// largest possible one, 0..1, row-major. Taken on the network's own grid and interpolated.
    pub fn uncertainty_map(&self) -> Vec<f32> {
        self.entropy.scaled(self.mask.width(), self.mask.height())
    }

    /// The mean of [`Self::uncertainty_map`], on the network's own grid.
    pub fn uncertainty(&self) -> f32 {
        self.entropy.values.iter().sum::<f32>() / self.entropy.values.len() as f32
    }

    /// The mean probability of every class in every cell of a `cells × cells` grid: class by class, row-major.
    pub(crate) fn cell_probabilities(&self, cells: usize) -> Vec<f32> {
        let map = &self.probabilities;
        let mut sums = vec![0.0; map.channels * cells * cells];
        let mut counts = vec![0.0; cells * cells];
        for row in 0..map.rows {
            for column in 0..map.columns {
                let cell = (row * cells / map.rows) * cells + column * cells / map.columns;
                counts[cell] += 1.0;
                for channel in 0..map.channels {
                    let value = map.values[(channel * map.rows + row) * map.columns + column];
                    sums[channel * cells * cells + cell] += value;
                }
            }
        }
        let counts = counts.iter().cycle();
        sums.iter().zip(counts).map(|(sum, count): (&f32, &f32)| sum / count.max(1.0)).collect()
    }
}

impl GridMap {
    fn softmax(mut values: Vec<f32>, channels: usize, rows: usize, columns: usize) -> Self {
        let pixels = rows * columns;
        for pixel in 0..pixels {
            let at = |channel: usize| channel * pixels + pixel;
            let top = (0..channels).map(|c| values[at(c)]).fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for channel in 0..channels {
                values[at(channel)] = (values[at(channel)] - top).exp();
                sum += values[at(channel)];
            }
            for channel in 0..channels {
                values[at(channel)] /= sum;
            }
        }
        Self { channels, rows, columns, values }
    }

    /// The entropy of the channels over the largest possible one.
    fn entropy(&self) -> Self {
        let pixels = self.rows * self.columns;
        let mut values = vec![0.0; pixels];
        for channel in self.values.chunks_exact(pixels) {
            for (sum, p) in values.iter_mut().zip(channel) {
                // The limit of p ln p at 0 is 0.
                *sum -= if *p > 0.0 { p * p.ln() } else { 0.0 };
            }
        }
        let largest = (self.channels as f32).ln();
        values.iter_mut().for_each(|value| *value /= largest);
        Self { channels: 1, rows: self.rows, columns: self.columns, values }
    }

    /// A pixel is a lesion where all lesion classes together outweigh the background; then the likeliest of
    /// them is its class. (The plain maximum would let the background win where classes share a lesion.)
    fn decide(
        &self,
        profile: &Profile,
        width: usize,
        height: usize,
    ) -> Result<(Mask, Vec<ClassShare>)> {
        let mut classes = Vec::with_capacity(width * height);
        let mut pixels = vec![0usize; self.channels];
        let mut confidence = vec![0.0f64; self.channels];
        self.upsample(width, height, |probabilities| {
            let mut class = 0;
            if probabilities[0] < 0.5 {
                class = 1;
                for candidate in 2..probabilities.len() {
                    if probabilities[candidate] > probabilities[class] {
                        class = candidate;
                    }
                }
            }
            pixels[class] += 1;
            confidence[class] += f64::from(probabilities[class]);
            classes.push(class as u8);
        });
        let shares = profile.classes.iter().zip(1..).map(|(name, class)| ClassShare {
            name: name.clone(),
            fraction: pixels[class] as f32 / (width * height) as f32,
            confidence: (confidence[class] / pixels[class].max(1) as f64) as f32,
        });
        let shares = shares.collect();
        Ok((Mask::from_classes(width, height, classes)?, shares))
    }

    /// The only channel at every pixel of a `width × height` image.
    fn scaled(&self, width: usize, height: usize) -> Vec<f32> {
        let mut scaled = Vec::with_capacity(width * height);
        self.upsample(width, height, |values| scaled.push(values[0]));
        scaled
    }

    /// Visits every pixel of a `width × height` image in order with its bilinearly interpolated values.
    fn upsample(&self, width: usize, height: usize, mut visit: impl FnMut(&[f32])) {
        let across: Vec<Tap> = (0..width).map(|x| Tap::at(x, width, self.columns)).collect();
        let mut line = vec![0.0; self.channels * self.columns];
        let mut at = vec![0.0; self.channels];
        for y in 0..height {
            let tap = Tap::at(y, height, self.rows);
            for channel in 0..self.channels {
                let map = &self.values[channel * self.rows * self.columns..];
                let low = &map[tap.low * self.columns..][..self.columns];
                let high = &map[tap.high * self.columns..][..self.columns];
                let line = &mut line[channel * self.columns..][..self.columns];
                for ((out, low), high) in line.iter_mut().zip(low).zip(high) {
                    *out = low + (high - low) * tap.weight;
                }
            }
            for tap in &across {
                for (channel, out) in at.iter_mut().enumerate() {
                    let line = &line[channel * self.columns..][..self.columns];
                    *out = line[tap.low] + (line[tap.high] - line[tap.low]) * tap.weight;
                }
                visit(&at);
            }
        }
    }
}

/// Two neighbours and the weight of the second, for pixel centres on half coordinates.
struct Tap {
    low: usize,
    high: usize,
    weight: f32,
}

impl Tap {
    fn at(index: usize, size: usize, source: usize) -> Self {
        let position = (index as f32 + 0.5) * source as f32 / size as f32 - 0.5;
        let position = position.clamp(0.0, (source - 1) as f32);
        let low = position as usize;
        Self { low, high: (low + 1).min(source - 1), weight: position - low as f32 }
    }
}
