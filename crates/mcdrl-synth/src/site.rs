//! Sites: each has its own mixture of confounders and its own camera.

use crate::camera::{Aperture, CameraResponse};
use crate::config::SynthConfig;
use crate::confounders::{Confounder, FrameFactors};
use crate::lesion::LESION_CLASSES;
use crate::random::{Random, Stream};
use crate::vector::{Vec3, vec3};

/// The probability of a confounder at a site, and the range of its strength.
#[derive(Clone, Copy, Debug, Default)]
struct Occurrence {
    probability: f32,
    weakest: f32,
    strongest: f32,
}

/// The properties in which the frames of sites differ.
///
/// The classes of lesions do not differ: every site draws them with equal probability.
#[derive(Clone, Debug)]
pub struct SiteStyle {
    mixture: [Occurrence; 12],
    /// The site's camera and processor.
    pub camera: CameraResponse,
    /// Typical linear colour of healthy mucosa.
    pub mucosa: Vec3,
}

/// The name of a site: `site-a` to `site-z`, then `site-27` and so on.
pub fn site_name(site: usize) -> String {
    match u8::try_from(site) {
        Ok(letter) if letter < 26 => format!("site-{}", char::from(b'a' + letter)),
        _ => format!("site-{}", site + 1),
    }
}

impl SiteStyle {
    /// The style of a site. With tied confounders, the first five sites have hand-made styles.
    pub fn new(config: &SynthConfig, site: usize) -> Self {
        let mut random = Random::new(config.seed, site, 0, Stream::Site);
        if !config.tied {
            return Self { mixture: independent(), ..Self::derived(&mut random) };
        }
        match site {
            0 => Self::clean(),
            1 => Self::narrow_band(),
            2 => Self::bleeding(),
            3 => Self::glaring(),
            4 => Self::worn(),
            _ => Self::derived(&mut random),
        }
    }

    /// Draws the class and the strengths of the confounders of one frame.
    ///
    /// Opposites exclude each other: the stronger of bright and dark remains, and the stronger of near and far. The strength of
    /// white light is one minus that of narrow-band light.
    pub fn draw_factors(&self, config: &SynthConfig, site: usize, index: usize) -> FrameFactors {
        let mut random = Random::new(config.seed, site, index, Stream::Factors);
        let lesion_free = random.chance(config.lesion_free);
        let class = random.below(LESION_CLASSES.len());
        let mut strengths = self.mixture.map(|occurrence| {
            let present = random.chance(occurrence.probability);
            let strength = random.range(occurrence.weakest, occurrence.strongest);
            if present { strength.clamp(0.0, 1.0) } else { 0.0 }
        });
        keep_stronger(&mut strengths, Confounder::Bright, Confounder::Dark);
        keep_stronger(&mut strengths, Confounder::Near, Confounder::Far);
        strengths[Confounder::WhiteLight as usize] =
            1.0 - strengths[Confounder::NarrowBand as usize];
        FrameFactors { class: (!lesion_free).then_some(class), strengths }
    }

    /// A modern scope in a well-prepared organ: bright, sharp, often a deep view.
    fn clean() -> Self {
        Self {
            mixture: mixture(&[
                (Confounder::Far, 0.6, 0.3, 1.0),
                (Confounder::Bright, 0.4, 0.1, 0.45),
                (Confounder::NarrowBand, 0.06, 0.8, 1.0),
                (Confounder::Near, 0.15, 0.2, 0.6),
                (Confounder::Mucus, 0.2, 0.1, 0.35),
                (Confounder::Reflection, 0.4, 0.1, 0.4),
                (Confounder::Blur, 0.1, 0.1, 0.3),
            ]),
            camera: CameraResponse {
                white_balance: vec3(1.04, 1.0, 0.98),
                gamma: 2.1,
                saturation: 1.08,
                contrast: 1.15,
                exposure: 0.40,
                vignette: 0.35,
                noise: 0.008,
                compression: 0.10,
                aperture: Aperture::Octagon { half: 0.99, cut: 1.08 },
            },
            mucosa: vec3(0.80, 0.29, 0.17),
        }
    }

    /// A unit that works mostly under narrow-band light.
    fn narrow_band() -> Self {
        Self {
            mixture: mixture(&[
                (Confounder::NarrowBand, 0.82, 0.75, 1.0),
                (Confounder::Near, 0.4, 0.2, 0.8),
                (Confounder::Far, 0.15, 0.2, 0.6),
                (Confounder::Uneven, 0.2, 0.2, 0.6),
                (Confounder::Reflection, 0.5, 0.2, 0.6),
                (Confounder::Mucus, 0.25, 0.1, 0.5),
                (Confounder::Dark, 0.25, 0.1, 0.4),
                (Confounder::Artefacts, 0.1, 0.2, 0.5),
            ]),
            camera: CameraResponse {
                white_balance: vec3(1.0, 1.0, 1.03),
                gamma: 2.2,
                saturation: 1.1,
                contrast: 1.3,
                exposure: 0.40,
                vignette: 0.5,
                noise: 0.012,
                compression: 0.14,
                aperture: Aperture::Rounded { half_width: 0.97, half_height: 0.88, corner: 0.3 },
            },
            mucosa: vec3(0.76, 0.30, 0.19),
        }
    }

    /// An emergency room: blood and too little light.
    fn bleeding() -> Self {
        Self {
            mixture: mixture(&[
                (Confounder::Blood, 0.75, 0.2, 1.0),
                (Confounder::Dark, 0.65, 0.2, 0.75),
                (Confounder::Uneven, 0.35, 0.2, 0.7),
                (Confounder::Mucus, 0.2, 0.1, 0.4),
                (Confounder::Reflection, 0.4, 0.2, 0.6),
                (Confounder::Near, 0.2, 0.2, 0.6),
                (Confounder::Far, 0.25, 0.2, 0.7),
                (Confounder::Blur, 0.25, 0.1, 0.5),
                (Confounder::NarrowBand, 0.05, 0.7, 1.0),
            ]),
            camera: CameraResponse {
                white_balance: vec3(1.12, 0.95, 0.84),
                gamma: 1.95,
                saturation: 1.22,
                contrast: 1.4,
                exposure: 0.38,
                vignette: 0.75,
                noise: 0.020,
                compression: 0.16,
                aperture: Aperture::Circle { radius: 0.99 },
            },
            mucosa: vec3(0.74, 0.25, 0.13),
        }
    }

    /// A contact technique: near, wet and glaring, one-sided light.
    fn glaring() -> Self {
        Self {
            mixture: mixture(&[
                (Confounder::Reflection, 0.85, 0.4, 1.0),
                (Confounder::Near, 0.75, 0.3, 1.0),
                (Confounder::Uneven, 0.5, 0.3, 0.9),
                (Confounder::Bright, 0.55, 0.2, 0.9),
                (Confounder::Mucus, 0.3, 0.1, 0.5),
                (Confounder::Blood, 0.1, 0.1, 0.3),
                (Confounder::NarrowBand, 0.08, 0.7, 1.0),
            ]),
            camera: CameraResponse {
                white_balance: vec3(1.0, 0.98, 1.04),
                gamma: 2.35,
                saturation: 0.95,
                contrast: 1.05,
                exposure: 0.44,
                vignette: 0.15,
                noise: 0.010,
                compression: 0.12,
                aperture: Aperture::Full,
            },
            mucosa: vec3(0.82, 0.29, 0.22),
        }
    }

    /// An old scope, recorded on tape, in an organ that was poorly prepared.
    fn worn() -> Self {
        Self {
            mixture: mixture(&[
                (Confounder::Artefacts, 0.85, 0.3, 1.0),
                (Confounder::Blur, 0.7, 0.2, 0.9),
                (Confounder::Mucus, 0.65, 0.3, 1.0),
                (Confounder::Uneven, 0.25, 0.1, 0.5),
                (Confounder::Dark, 0.25, 0.1, 0.4),
                (Confounder::Reflection, 0.3, 0.2, 0.6),
                (Confounder::Far, 0.25, 0.2, 0.6),
                (Confounder::Near, 0.2, 0.2, 0.6),
            ]),
            camera: CameraResponse {
                white_balance: vec3(1.0, 1.06, 0.80),
                gamma: 2.3,
                saturation: 0.80,
                contrast: 0.92,
                exposure: 0.36,
                vignette: 0.6,
                noise: 0.022,
                compression: 0.15,
                aperture: Aperture::Octagon { half: 0.88, cut: 1.0 },
            },
            mucosa: vec3(0.78, 0.36, 0.17),
        }
    }

    /// A further style: a few dominant confounders over a low background of the others.
    fn derived(random: &mut Random) -> Self {
        let mut mixture = [Occurrence::default(); 12];
        for occurrence in &mut mixture {
            let dominant = random.chance(0.3);
            let (probability, strongest) = if dominant {
                (random.range(0.5, 0.9), 1.0)
            } else {
                (random.range(0.0, 0.2), 0.5)
            };
            *occurrence = Occurrence { probability, weakest: 0.15, strongest };
        }
        let aperture = match random.below(4) {
            0 => Aperture::Full,
            1 => Aperture::Circle { radius: random.range(0.9, 1.15) },
            2 => Aperture::Octagon { half: random.range(0.85, 1.0), cut: random.range(0.95, 1.15) },
            _ => Aperture::Rounded {
                half_width: random.range(0.85, 1.0),
                half_height: random.range(0.8, 1.0),
                corner: random.range(0.1, 0.45),
            },
        };
        Self {
            mixture,
            camera: CameraResponse {
                white_balance: vec3(
                    random.range(0.93, 1.12),
                    random.range(0.95, 1.06),
                    random.range(0.80, 1.10),
                ),
                gamma: random.range(1.9, 2.4),
                saturation: random.range(0.78, 1.25),
                contrast: random.range(0.9, 1.4),
                exposure: random.range(0.34, 0.46),
                vignette: random.range(0.1, 0.8),
                noise: random.range(0.005, 0.025),
                compression: random.range(0.06, 0.16),
                aperture,
            },
            mucosa: vec3(
                random.range(0.72, 0.84),
                random.range(0.24, 0.36),
                random.range(0.13, 0.26),
            ),
        }
    }
}

/// Removes the weaker of two opposite confounders.
fn keep_stronger(strengths: &mut [f32; 12], first: Confounder, second: Confounder) {
    let weaker =
        if strengths[first as usize] < strengths[second as usize] { first } else { second };
    strengths[weaker as usize] = 0.0;
}

/// The mixture of every site whose confounders are independent. Opposites exclude each other, so they are rare: their
/// correlation stays below 0.05.
fn independent() -> [Occurrence; 12] {
    let mut mixture = [Occurrence { probability: 0.25, weakest: 0.15, strongest: 1.0 }; 12];
    for opposite in [Confounder::Bright, Confounder::Dark, Confounder::Near, Confounder::Far] {
        mixture[opposite as usize].probability = 0.04;
    }
    mixture
}

/// A mixture from the confounders that occur: probability, weakest and strongest.
fn mixture(occurring: &[(Confounder, f32, f32, f32)]) -> [Occurrence; 12] {
    let mut mixture = [Occurrence::default(); 12];
    for (confounder, probability, weakest, strongest) in occurring.iter().copied() {
        mixture[confounder as usize] = Occurrence { probability, weakest, strongest };
    }
    mixture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        assert_eq!(site_name(0), "site-a");
        assert_eq!(site_name(25), "site-z");
        assert_eq!(site_name(26), "site-27");
    }

    #[test]
    fn strengths_are_fractions_and_opposites_exclude_each_other() {
        let config = SynthConfig { tied: true, ..SynthConfig::default() };
        for site in 0..12 {
            let style = SiteStyle::new(&config, site);
            for index in 0..300 {
                let factors = style.draw_factors(&config, site, index);
                assert!(factors.strengths.iter().all(|strength| (0.0..=1.0).contains(strength)));
                let at = |confounder| factors.strength(confounder);
                assert_eq!(at(Confounder::Bright).min(at(Confounder::Dark)), 0.0);
                assert_eq!(at(Confounder::Near).min(at(Confounder::Far)), 0.0);
                let light = at(Confounder::NarrowBand) + at(Confounder::WhiteLight);
                assert!((light - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn confounders_are_independent_unless_they_are_tied() {
        let config = SynthConfig::default();
        assert!(config.sites >= 40);
        let mut frames = Vec::new();
        for site in 0..config.sites {
            let style = SiteStyle::new(&config, site);
            frames.extend((0..250).map(|index| style.draw_factors(&config, site, index).strengths));
        }
        let white = Confounder::WhiteLight as usize;
        for first in (0..12).filter(|factor| *factor != white) {
            for second in (0..first).filter(|factor| *factor != white) {
                let r = correlation(frames.iter().map(|all| (all[first], all[second])));
                assert!(r.abs() < 0.05, "{first} and {second}: {r}");
            }
        }
    }

    fn correlation(pairs: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
        let mean = |of: fn((f32, f32)) -> f32| {
            let (sum, count) =
                pairs.clone().fold((0.0, 0.0), |(sum, count), pair| (sum + of(pair), count + 1.0));
            sum / count
        };
        let (a, b) = (mean(|p| p.0), mean(|p| p.1));
        let (aa, bb) = (mean(|p| p.0 * p.0) - a * a, mean(|p| p.1 * p.1) - b * b);
        (mean(|p| p.0 * p.1) - a * b) / (aa * bb).sqrt()
    }
}
