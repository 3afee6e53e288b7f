//! The network's output for one image → its [`Segmentation`].

use mcdrl_image::{Bounds, Image, Mask};

use crate::Result;
use crate::disturbances::disturbances;
use crate::grid_map::GridMap;
use crate::lesion_regions::{doubt_weak_regions, vote_on_classes};
use crate::lesions::lesions;
use crate::model::ModelHeader;
use crate::profile::Profile;
use crate::segmentation::{ClassShare, ConfounderWeight, RegionMap, Segmentation};

/// Without a [threshold](ModelHeader::threshold), a pixel is a lesion if the probability of the background is below this: all lesion
/// classes together are then more probable. (With a plain maximum, the background would win if several classes share the probability.)
pub const LESION_BELOW: f32 = 0.5;

/// The network's output for one image, in the host's memory.
pub struct ImageOutput {
    /// The probabilities of the background and the classes.
    pub probabilities: GridMap,
    /// Whether each confounder is visible: `[M]`.
    pub presence: Vec<f32>,
    /// How unlike the training images the image is, 0..1.
    pub unfamiliar: f32,
    /// Where each confounder is visible, if it is: `[M]` maps.
    pub places: Vec<Vec<f32>>,
    /// The share of each confounder in the correction: `[M]`, empty without intervention.
    pub weights: Vec<f32>,
    /// The candidate regions.
    pub regions: RegionMap,
}

/// What happens to the regions that the network predicts.
#[derive(Clone, Copy)]
pub enum Regions {
    /// Nothing. For the self-check: a limit would turn a small difference into a large one.
    Raw,
    /// Weak ones are doubted (see [`ModelHeader::sure_region`]), and each gets one class.
    Judged,
}

/// The result for an image.
///
/// - `area`: the part of the image that the network saw
pub fn postprocess(
    output: ImageOutput,
    header: &ModelHeader,
    regions: Regions,
    image: &Image,
    area: Bounds,
) -> Result<Segmentation> {
    let profile = &header.profile;
    let confounders = confounders(&output, profile);
    let disturbances = disturbances(profile, &confounders);
    let mut probabilities = output.probabilities;
    let mut lesion_below = LESION_BELOW;
    if let Regions::Judged = regions {
        lesion_below = header.threshold.map_or(LESION_BELOW, |threshold| 1.0 - threshold);
        if let Some(sure) = header.sure_region {
            doubt_weak_regions(&mut probabilities, lesion_below, sure);
        }
        vote_on_classes(&mut probabilities, lesion_below);
    }
    let Decision { mask, classes, certainties } =
        decide(&probabilities, lesion_below, profile, image, area)?;
    let expected_dice = expected_dice(probabilities.channel(0), lesion_below);
    Ok(Segmentation {
        lesions: lesions(&mask, image.pixel_size(), &certainties, profile),
        mask,
        classes,
        confounders,
        disturbances,
        unfamiliar: output.unfamiliar,
        expected_dice: header.expected_dice.apply(expected_dice),
        notes: image
            .notes()
            .iter()
            .map(ToString::to_string)
            .chain(border_note(image, area))
            .collect(),
        area,
        regions: output.regions,
        entropy: probabilities.entropy(),
        probabilities,
    })
}

/// What is said if not the whole frame was segmented.
fn border_note(image: &Image, area: Bounds) -> Option<String> {
    let (width, height) = (image.width(), image.height());
    let is_whole = [area.width as usize, area.height as usize] == [width, height];
    let Bounds { width: across, height: down, left, top } = area;
    (!is_whole).then(|| {
        format!(
            "the picture is the part of {across} × {down} pixels at {left}, {top} of {width} × {height}; what is around it was left out"
        )
    })
}

/// A position shows a confounder above this.
const SHOWN_ABOVE: f32 = 0.5;

/// What the image shows of each confounder.
fn confounders(output: &ImageOutput, profile: &Profile) -> Vec<ConfounderWeight> {
    let corrected: f32 = profile
        .confounders
        .iter()
        .zip(&output.weights)
        .filter(|(confounder, _)| confounder.complement_of.is_none())
        .map(|(_, weight)| *weight)
        .sum();
    let named = profile.confounders.iter().enumerate().map(|(index, confounder)| {
        let (name, family) = (confounder.name.clone(), confounder.family.clone());
        let words = confounder.plain_name().to_owned();
        let places = &output.places[index];
        let shown = places.iter().filter(|place| **place > SHOWN_ABOVE).count();
        let other = confounder.complement_of.as_ref().and_then(|name| {
            profile.confounders.iter().position(|confounder| confounder.name == *name)
        });
        match other {
            // The usual state: it takes what no disturbance takes.
            Some(other) => ConfounderWeight {
                name,
                family,
                words,
                weight: 1.0 - corrected,
                presence: 1.0 - output.presence[other],
                area: 1.0,
            },
            None => ConfounderWeight {
                name,
                family,
                words,
                weight: output.weights.get(index).copied().unwrap_or_default(),
                presence: output.presence[index],
                area: shown as f32 / places.len() as f32,
            },
        }
    });
    named.collect()
}

/// The classes of all pixels.
struct Decision {
    mask: Mask,
    classes: Vec<ClassShare>,
    /// Of every lesion pixel, in order, the probability of its class.
    certainties: Vec<f32>,
}

/// The class of a lesion pixel is its most probable lesion class.
fn decide(
    probabilities: &GridMap,
    lesion_below: f32,
    profile: &Profile,
    image: &Image,
    area: Bounds,
) -> Result<Decision> {
    let (width, height) = (image.width(), image.height());
    let mut classes = vec![0; width * height];
    let mut pixels = vec![0usize; probabilities.channels];
    let mut confidence = vec![0.0f64; probabilities.channels];
    let mut certainties = Vec::new();
    let across = area.width as usize;
    let start = area.top as usize * width + area.left as usize;
    let mut visited = 0;
    probabilities.upsample(across, area.height as usize, |probabilities| {
        let at = start + visited / across * width + visited % across;
        visited += 1;
        let mut class = 0;
        if probabilities[0] < lesion_below {
            class = 1;
            for candidate in 2..probabilities.len() {
                if probabilities[candidate] > probabilities[class] {
                    class = candidate;
                }
            }
        }
        if class > 0 {
            certainties.push(probabilities[class]);
        }
        pixels[class] += 1;
        confidence[class] += f64::from(probabilities[class]);
        classes[at] = class as u8;
    });
    let shares = profile.classes.iter().zip(1..).map(|(name, class)| ClassShare {
        name: name.clone(),
        fraction: pixels[class] as f32 / (width * height) as f32,
        confidence: (confidence[class] / pixels[class].max(1) as f64) as f32,
    });
    let shares = shares.collect();
    Ok(Decision { mask: Mask::from_classes(width, height, classes)?, classes: shares, certainties })
}

/// The expected Dice coefficient of lesions, not calibrated.
///
/// - `background`: the probability of each position
fn expected_dice(background: &[f32], lesion_below: f32) -> f32 {
    let (mut overlap, mut marked, mut expected) = (0.0f64, 0.0f64, 0.0f64);
    for background in background {
        let lesion = f64::from(1.0 - background);
        expected += lesion;
        if *background < lesion_below {
            overlap += lesion;
            marked += 1.0;
        }
    }
    if marked == 0.0 { 0.0 } else { (2.0 * overlap / (marked + expected)) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_dice_follows_the_probabilities() {
        assert_eq!(expected_dice(&[0.0, 0.0, 1.0, 1.0], LESION_BELOW), 1.0);
        assert_eq!(expected_dice(&[0.9, 0.8], LESION_BELOW), 0.0);
        // Two marked pixels, of which 1.5 are expected to be lesion; another half pixel is missed.
        let found = expected_dice(&[0.25, 0.25, 0.75, 0.75], LESION_BELOW);
        assert!((found - 2.0 * 1.5 / (2.0 + 2.0)).abs() < 1e-6, "{found}");
    }
}
