//! A shrunken lesion of another image, pasted on healthy tissue.

use mcdrl_image::{Image, Mask};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::sample::LabelledImage;

/// The smallest lesion that can be shrunk, as a share of its image.
const SMALLEST_DONOR: f32 = 0.01;

/// The areas of pasted lesions, as shares of the image.
const AREAS: std::ops::Range<f32> = 0.008..0.04;

/// Places that are tried.
const TRIES: usize = 4;

/// Width of the soft rim of a pasted lesion, as a share of the image's longer side.
const RIM: f32 = 0.02;

/// A lesion of another image.
struct Donor<'a> {
    sample: &'a LabelledImage,
    /// Where its mask shows a lesion: first column, first row, end column, end row.
    bounds: [usize; 4],
    /// The lesion's share of the image.
    area: f32,
    /// The mean light.
    light: f32,
}

/// The image with a small lesion of `other`; `None` if there is no such lesion or no free place for it.
pub fn paste(
    sample: &LabelledImage,
    other: &LabelledImage,
    rng: &mut ChaCha8Rng,
) -> Option<LabelledImage> {
    let donor = Donor::find(other)?;
    let (width, height) = (sample.image.width(), sample.image.height());
    let wanted = rng.random_range(AREAS) * (width * height) as f32;
    let found = donor.area * (other.image.width() * other.image.height()) as f32;
    // Pixels of the donor for one pixel of the image. A lesion is shrunk, never enlarged.
    let scale = (found / wanted).sqrt().max(1.0);
    let [left, top, right, bottom] = donor.bounds;
    let margin = RIM * width.max(height) as f32;
    let size = [right - left, bottom - top].map(|side| side as f32 / scale + 2.0 * margin);
    let light = mean_light(&sample.image);
    let gain = (light / donor.light.max(1.0)).clamp(0.6, 1.6);
    for _ in 0..TRIES {
        let at = [width as f32 - size[0], height as f32 - size[1]]
            .map(|room| if room > 0.0 { rng.random::<f32>() * room } else { -1.0 });
        if at[0] < 0.0 || at[1] < 0.0 {
            return None;
        }
        let origin = [at[0] + margin, at[1] + margin];
        if let Some(pasted) = donor.on(sample, origin, scale, gain, margin) {
            return Some(pasted);
        }
    }
    None
}

impl<'a> Donor<'a> {
    fn find(sample: &'a LabelledImage) -> Option<Self> {
        let width = sample.mask.width();
        let mut bounds = [usize::MAX, usize::MAX, 0, 0];
        let mut count = 0;
        for (at, _) in sample.mask.classes().iter().enumerate().filter(|(_, class)| **class != 0) {
            let (x, y) = (at % width, at / width);
            bounds =
                [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x + 1), bounds[3].max(y + 1)];
            count += 1;
        }
        let area = count as f32 / sample.mask.classes().len() as f32;
        let light = mean_light(&sample.image);
        (area >= SMALLEST_DONOR).then_some(Self { sample, bounds, area, light })
    }

    /// - `origin`: where the lesion's bounds begin
    fn on(
        &self,
        sample: &LabelledImage,
        origin: [f32; 2],
        scale: f32,
        gain: f32,
        margin: f32,
    ) -> Option<LabelledImage> {
        let (width, height) = (sample.image.width(), sample.image.height());
        let [left, top, right, bottom] = self.bounds;
        let columns = span(origin[0], (right - left) as f32 / scale, margin, width);
        let rows = span(origin[1], (bottom - top) as f32 / scale, margin, height);
        // The donor's pixels and its mask, shrunk with the mean over each pixel's square.
        let mut patch = Vec::with_capacity(columns.len() * rows.len());
        for (x, y) in rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y))) {
            let from_x = left as f32 + (x as f32 - origin[0]) * scale;
            let from_y = top as f32 + (y as f32 - origin[1]) * scale;
            patch.push(self.mean(from_x, from_y, scale));
        }
        let stride = columns.len();
        let shares: Vec<f32> = patch.iter().map(|(_, share, _)| *share).collect();
        let soft = softened(&shares, stride, (margin / 2.0).max(1.0) as usize);

        let mut pixels = sample.image.pixels().to_vec();
        let mut classes = sample.mask.classes().to_vec();
        for (at, (rgb, share, class)) in patch.into_iter().enumerate() {
            let pixel = (rows.start + at / stride) * width + columns.start + at % stride;
            let there = &mut pixels[3 * pixel..3 * pixel + 3];
            if share > 0.5 {
                let dark = there.iter().map(|value| u32::from(*value)).sum::<u32>() < 60;
                if dark || classes[pixel] != 0 {
                    return None;
                }
                classes[pixel] = class;
            }
            for (value, new) in there.iter_mut().zip(rgb) {
                let new = (new * gain).min(255.0);
                *value = (f32::from(*value) + soft[at] * (new - f32::from(*value))) as u8;
            }
        }
        let image = Image::from_rgb(width, height, pixels).expect("the size is unchanged");
        let mask = Mask::from_classes(width, height, classes).expect("the size is unchanged");
        Some(LabelledImage { image, mask })
    }

    /// The mean colour of a square of the donor, the lesion's share of it, and its class.
    fn mean(&self, x: f32, y: f32, side: f32) -> ([f32; 3], f32, u8) {
        let (width, height) = (self.sample.image.width(), self.sample.image.height());
        let range = |from: f32, length: usize| {
            let first = (from.max(0.0) as usize).min(length - 1);
            first..((from + side).max(0.0) as usize).clamp(first + 1, length)
        };
        let (mut rgb, mut lesion, mut count, mut class) = ([0.0; 3], 0.0, 0.0, 0);
        for (x, y) in range(y, height).flat_map(|y| range(x, width).map(move |x| (x, y))) {
            let at = y * width + x;
            let pixel = &self.sample.image.pixels()[3 * at..3 * at + 3];
            (0..3).for_each(|channel| rgb[channel] += f32::from(pixel[channel]));
            count += 1.0;
            if self.sample.mask.classes()[at] != 0 {
                lesion += 1.0;
                class = self.sample.mask.classes()[at];
            }
        }
        (rgb.map(|sum| sum / count), lesion / count, class)
    }
}

/// The pixels from `margin` before an interval to `margin` after it.
fn span(start: f32, length: f32, margin: f32, side: usize) -> std::ops::Range<usize> {
    let first = ((start - margin).max(0.0) as usize).min(side - 1);
    first..((start + length + margin) as usize).clamp(first + 1, side)
}

/// A map after a box blur in both directions.
fn softened(map: &[f32], stride: usize, radius: usize) -> Vec<f32> {
    let rows = map.len() / stride;
    let blurred =
        |map: &[f32], length: usize, index: &dyn Fn(usize, usize) -> usize, lines: usize| {
            let mut out = vec![0.0; map.len()];
            for line in 0..lines {
                for at in 0..length {
                    let (first, end) = (at.saturating_sub(radius), (at + radius + 1).min(length));
                    let sum: f32 = (first..end).map(|at| map[index(line, at)]).sum();
                    out[index(line, at)] = sum / (2 * radius + 1) as f32;
                }
            }
            out
        };
    let across = blurred(map, stride, &|line, at| line * stride + at, rows);
    blurred(&across, rows, &|line, at| at * stride + line, stride)
}

/// The mean of all pixels, 0..255.
fn mean_light(image: &Image) -> f32 {
    let sum: u64 = image.pixels().iter().map(|value| u64::from(*value)).sum();
    sum as f32 / image.pixels().len() as f32
}
