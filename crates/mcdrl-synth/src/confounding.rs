//! Confounded data: pictures in which a confounder is tied to the lesions, so that it seems to be a sign of them.
//!
//! A model that learns from such data may look for the confounder instead of the lesion. Data that are tied the other way round
//! show whether it does.

use mcdrl_image::{Image, Mask};

use crate::impose::{Renderer, Rendition};
use crate::place::Place;
use crate::random::{Random, Stream};
use crate::{Error, Result};

/// The number of layouts that a confounder is drawn in. The one that covers most of its place is used.
const LAYOUTS: u64 = 8;

/// The longer side of the copy that shows where a layout lies, pixels.
const COPY: usize = 96;

/// A map that is nowhere below this acts on the whole picture.
const EVERYWHERE: f32 = 0.99;

/// A confounder that is tied to the lesions.
#[derive(Clone, Copy, Debug)]
pub struct Confounding {
    renderer: Renderer,
    strength: f32,
    rho: f64,
}

impl Confounding {
    /// With probability (1 + ρ)/2 the confounder lies on the lesion, otherwise elsewhere. One that acts on the whole picture is
    /// shown in exactly the pictures that have a lesion, with that probability, and otherwise in exactly those that have none.
    /// In a picture without a lesion, another one lies anywhere.
    ///
    /// - `strength`: 0..1
    /// - `rho`: −1..1; 0 ties nothing
    ///
    /// # Errors
    /// [`Error::Config`] for a confounder that moves pixels, and for a number outside its range.
    pub fn new(renderer: Renderer, strength: f32, rho: f64) -> Result<Self> {
        if renderer.moves_pixels() {
            let text = format!(
                "{renderer} moves the lesion, so it cannot lie on it: choose another confounder"
            );
            return Err(Error::Config(text));
        }
        if !(-1.0..=1.0).contains(&rho) {
            return Err(Error::Config(format!("ρ is {rho}, but must lie between -1 and 1")));
        }
        if !(0.0..=1.0).contains(&strength) {
            let text = format!("the strength is {strength}, but must lie between 0 and 1");
            return Err(Error::Config(text));
        }
        Ok(Self { renderer, strength, rho })
    }

    /// The picture with the confounder. The same seed and number give the same picture.
    ///
    /// # Panics
    /// If the mask has another size than the picture.
    pub fn apply(&self, image: &Image, mask: &Mask, seed: u64, number: usize) -> Image {
        let mut random = Random::new(seed, self.renderer as usize, number, Stream::Confounding);
        let on_lesion = f64::from(random.unit()) < (1.0 + self.rho) / 2.0;
        let first = u64::from(random.bits()) << 32;
        let impose = |image: &Image, mask: &Mask, layout: u64| {
            self.renderer.impose(image, mask, self.strength, first | layout, Rendition::Trained)
        };
        // A layout is the same at every size, so a small copy shows where it lies.
        let scale = |side: usize| (side * COPY).div_ceil(image.width().max(image.height()));
        let (width, height) = (scale(image.width()), scale(image.height()));
        let (small, small_mask) = (image.resize(width, height), mask.resize(width, height));
        let map = |layout: u64| impose(&small, &small_mask, layout).map;
        let lesion = Place::of_lesion(mask);
        if map(0).iter().all(|value| *value > EVERYWHERE) {
            let is_shown = lesion.is_some() == on_lesion;
            return if is_shown { impose(image, mask, 0).image } else { image.clone() };
        }
        let Some(lesion) = lesion else { return impose(image, mask, 0).image };
        let place = if on_lesion { lesion } else { lesion.elsewhere(&mut random, &small_mask) };
        let covered = |layout: u64| -> f32 {
            let weights = place.weights(width, height);
            map(layout).iter().zip(weights).map(|(value, weight)| value * weight).sum()
        };
        let all = (0..LAYOUTS).map(|layout| (covered(layout), layout));
        let best = all.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, layout)| layout);
        place.blend(image, &impose(image, mask, best).image)
    }
}
