//! Seeded augmentation. It adds the variation that a few hundred images lack.
//!
//! An image becomes another [scene](AugmentConfig::scene): a lesion of another image is pasted in, and light and colours change, as
//! with another camera. Then it is seen in another [view](AugmentConfig::view): turned, scaled, shifted, mirrored. Between the
//! two, a confounder can be imposed on the scene.

mod light;
mod paste;
mod view;

use garde::Validate;
use mcdrl_runtime::Preprocess;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::sample::LabelledImage;
pub use view::View;

/// The strength of augmentation. A range `r` means a factor in `1-r..1+r` or a term in `-r..r`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Probability of a rotation. Its angle is uniform over the full circle.
    #[garde(custom(within(1.0)))]
    pub rotate: f32,
    /// Largest zoom in either direction, in octaves.
    #[garde(custom(within(8.0)))]
    pub zoom: f32,
    /// Largest shift, as a share of half the side.
    #[garde(custom(within(1.0)))]
    pub shift: f32,
    /// Largest change of the aspect ratio, in octaves.
    #[garde(custom(within(8.0)))]
    pub aspect: f32,
    /// Whether half of the views are mirrored.
    #[garde(skip)]
    pub flip: bool,
    /// Probability that a shrunken lesion of another image is pasted in. Small lesions are rare in training sets.
    #[garde(custom(within(1.0)))]
    pub paste: f32,
    /// Probability that the colours take the statistics of another image.
    #[garde(custom(within(1.0)))]
    pub colours: f32,
    /// Largest exponent of gamma, in octaves.
    #[garde(custom(within(8.0)))]
    pub gamma: f32,
    /// Largest exponent of each channel's own gamma, in octaves: white balance.
    #[garde(custom(within(8.0)))]
    pub tint: f32,
    /// Range of brightness.
    #[garde(custom(within(1.0)))]
    pub brightness: f32,
    /// Range of contrast.
    #[garde(custom(within(1.0)))]
    pub contrast: f32,
    /// Range of saturation.
    #[garde(custom(within(1.0)))]
    pub saturation: f32,
    /// Probability that half of each channel comes from another channel.
    #[garde(custom(within(1.0)))]
    pub mix: f32,
    /// Range of a light gradient across the frame.
    #[garde(custom(within(1.0)))]
    pub uneven_light: f32,
    /// Probability of a blur.
    #[garde(custom(within(1.0)))]
    pub blur: f32,
    /// Largest standard deviation of the noise, for pixels in 0..1.
    #[garde(custom(within(1.0)))]
    pub noise: f32,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            rotate: 1.0,
            zoom: 0.5,
            shift: 0.2,
            aspect: 0.2,
            flip: true,
            paste: 0.3,
            colours: 0.5,
            gamma: 0.6,
            tint: 0.35,
            brightness: 0.4,
            contrast: 0.2,
            saturation: 0.7,
            mix: 0.3,
            uneven_light: 0.5,
            blur: 0.3,
            noise: 0.04,
        }
    }
}

impl AugmentConfig {
    /// No augmentation: a scene and its view are the unchanged image.
    pub fn none() -> Self {
        Self {
            rotate: 0.0,
            zoom: 0.0,
            shift: 0.0,
            aspect: 0.0,
            flip: false,
            paste: 0.0,
            colours: 0.0,
            gamma: 0.0,
            tint: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            mix: 0.0,
            uneven_light: 0.0,
            blur: 0.0,
            noise: 0.0,
        }
    }

    /// Only geometric augmentation, with half the zoom, because captions describe light and colours.
    pub fn geometric() -> Self {
        let Self { rotate, zoom, shift, aspect, flip, .. } = Self::default();
        Self { rotate, zoom: zoom / 2.0, shift, aspect, flip, ..Self::none() }
    }

    /// This augmentation without what a confounder could also be: a gradient of light, a blur, another exposure.
    pub fn without_doses(&self) -> Self {
        Self { uneven_light: 0.0, blur: 0.0, brightness: 0.0, gamma: 0.0, ..self.clone() }
    }

    /// This augmentation without a change of the view but mirroring.
    pub fn as_framed(&self) -> Self {
        Self { rotate: 0.0, zoom: 0.0, shift: 0.0, aspect: 0.0, ..self.clone() }
    }

    /// The scene under another light. The same seed gives the same scene.
    ///
    /// - `other`: another image, which lends its lesion and its colours
    pub fn scene(&self, sample: &LabelledImage, other: &LabelledImage, seed: u64) -> LabelledImage {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pasted = (rng.random::<f32>() < self.paste)
            .then(|| paste::paste(sample, other, &mut rng))
            .flatten();
        let LabelledImage { image, mask } = pasted.unwrap_or_else(|| sample.clone());
        LabelledImage { image: self.relight(image, &other.image, &mut rng), mask }
    }

    /// A view of all pictures of `width × height` pixels. The same seed gives the same view.
    ///
    /// The pictures should already have the size of their [placement](Preprocess::placement): a view does not smooth.
    pub fn view(&self, [width, height]: [usize; 2], preprocess: &Preprocess, seed: u64) -> View {
        View::draw(self, [width, height], preprocess, &mut ChaCha8Rng::seed_from_u64(seed))
    }
}

/// A number in `-range..range`.
fn spread(range: f32, rng: &mut ChaCha8Rng) -> f32 {
    range * (2.0 * rng.random::<f32>() - 1.0)
}

/// From 0 to `largest`. NaN breaks this rule too.
fn within(largest: f32) -> impl Fn(&f32, &()) -> garde::Result {
    move |value, _| match (0.0..=largest).contains(value) {
        true => Ok(()),
        false => Err(garde::Error::new(format!("{value} must lie between 0 and {largest}"))),
    }
}
