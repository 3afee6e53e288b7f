//! One frame: the scene, its light, the camera and its artefacts, in the order of image formation.

use mcdrl_image::{Image, Mask};

use crate::anatomy::Anatomy;
use crate::camera::{CameraResponse, Pose};
use crate::config::SynthConfig;
use crate::confounders::{Confounder, FrameFactors};
use crate::confounders::{imaging, interference::Interference, lighting::Lighting, quality};
use crate::mucosa::Mucosa;
use crate::placement;
use crate::random::{Random, Stream};
use crate::scene::Scene;
use crate::shading::Wall;
use crate::site::SiteStyle;
use crate::vector::Vec3;

/// Side of a tile, in pixels.
const TILE: usize = 4;

/// A frame with its mask and its factors.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntheticFrame {
    /// The image.
    pub image: Image,
    /// The lesion's visible extent. It is all zero exactly if `factors.class` is `None`.
    pub mask: Mask,
    /// The lesion's class and the strength of every confounder.
    pub factors: FrameFactors,
}

/// Makes one frame of one site.
pub fn synthesize_frame(config: &SynthConfig, site: usize, index: usize) -> SyntheticFrame {
    let style = SiteStyle::new(config, site);
    render(config, &style, (site, index), style.draw_factors(config, site, index))
}

/// Makes the frame of [`synthesize_frame`] with these factors instead of its own.
///
/// This is an intervention: the organ, the lesion, the layout of interferences and the site's camera stay the same. `near`
/// and `far` move the view and choose another place for the lesion, so the mask changes. `artefacts` may hide a corner of
/// the mask behind an inset. The other factors do not change the mask.
pub fn intervene_on_frame(
    config: &SynthConfig,
    site: usize,
    index: usize,
    factors: &FrameFactors,
) -> SyntheticFrame {
    render(config, &SiteStyle::new(config, site), (site, index), *factors)
}

fn render(
    config: &SynthConfig,
    style: &SiteStyle,
    (site, index): (usize, usize),
    mut factors: FrameFactors,
) -> SyntheticFrame {
    let size = config.size;
    let stream = |stream| Random::new(config.seed, site, index, stream);
    let artefacts = quality::Artefacts::new(&mut stream(Stream::Artefacts), &factors);

    let mut wall_random = stream(Stream::Anatomy);
    let anatomy = Anatomy::new(&mut wall_random);
    let mucosa = Mucosa::new(&mut wall_random, style.mucosa);
    let near = factors.strength(Confounder::Near);
    let far = factors.strength(Confounder::Far);
    let pose = Pose::new(&mut stream(Stream::Pose), near, far);
    let mut scene = Scene { anatomy, lesion: None };
    scene.lesion = factors.class.and_then(|class| {
        let key = (config.seed, site, index);
        placement::place_lesion(&scene, &pose, &style.camera.aperture, class, &factors, key)
    });

    let interference = Interference::new(&mut stream(Stream::Interference), &factors, -pose.up());
    let lighting = Lighting::new(&mut stream(Stream::Lighting), &factors);
    let wall = Wall { scene: &scene, mucosa: &mucosa, interference: &interference };

    let tiles = clear_distances(&scene, &pose, size);
    let label = factors.class.map_or(0, |class| class as u8 + 1);
    let mut classes = vec![0u8; size * size];
    let mut light = vec![Vec3::default(); size * size];
    for (at, (light, class)) in light.iter_mut().zip(&mut classes).enumerate() {
        let (x, y) = image_position(at, size);
        let visible = style.camera.aperture.depth(x, y);
        // A margin outside the aperture is also rendered, because the blur needs it.
        if visible < -0.06 {
            continue;
        }
        let ray = pose.ray(x, y);
        let Some(hit) = scene.cast(pose.origin, ray, tiles[tile_of(at, size)]) else { continue };
        let shaded = wall.shade(&pose, ray, hit);
        let lit = interference.bubbles(x, y, shaded.light) * lighting.balance(x, y);
        *light = imaging::illuminated(
            lit,
            factors.strength(Confounder::NarrowBand),
            factors.strength(Confounder::WhiteLight),
        );
        let shown = visible > 0.0 && !artefacts.hides(at % size, at / size, size);
        if shown && shaded.depth_inside_lesion > 0.0 {
            *class = label;
        }
    }
    if classes.iter().all(|class| *class == 0) {
        factors.class = None;
    }

    let gain = automatic_exposure(&light, &style.camera, size) * lighting.exposure();
    for pixel in &mut light {
        // The sensor saturates, so the blur spreads at most the light of a full pixel.
        *pixel = (*pixel * gain).map(|v| v.min(6.0));
    }
    quality::blur(&mut light, size, &mut stream(Stream::Optics), &factors);
    let mut picture = light;
    for (at, pixel) in picture.iter_mut().enumerate() {
        let (x, y) = image_position(at, size);
        *pixel = style.camera.develop(*pixel, x, y);
    }
    quality::sensor_noise(&mut picture, &mut stream(Stream::Sensor), style.camera.noise);
    artefacts.apply(&mut picture, size, style.camera.compression);

    let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    let pixels = picture.iter().flat_map(|p| [byte(p.x), byte(p.y), byte(p.z)]).collect();
    SyntheticFrame {
        image: Image::from_rgb(size, size, pixels).expect("three bytes per pixel"),
        mask: Mask::from_classes(size, size, classes).expect("one class per pixel"),
        factors,
    }
}

/// The distance over which the rays of each tile of the image meet no surface. It is computed once per tile and shortens
/// the march of every pixel.
fn clear_distances(scene: &Scene, pose: &Pose, size: usize) -> Vec<f32> {
    let per_row = size.div_ceil(TILE);
    let step = 2.0 * TILE as f32 / size as f32;
    (0..per_row * per_row)
        .map(|tile| {
            let x = ((tile % per_row) as f32 + 0.5) * step - 1.0;
            let y = ((tile / per_row) as f32 + 0.5) * step - 1.0;
            let ray = pose.ray(x, y);
            let corner = pose.ray(x + 0.5 * step, y + 0.5 * step);
            let opposite = pose.ray(x - 0.5 * step, y + 0.5 * step);
            let spread = (corner - ray).length().max((opposite - ray).length());
            scene.clear_distance(pose.origin, ray, 1.1 * spread)
        })
        .collect()
}

/// The tile of a pixel.
fn tile_of(at: usize, size: usize) -> usize {
    (at / size / TILE) * size.div_ceil(TILE) + at % size / TILE
}

/// Image coordinates of a pixel's centre, both in `(-1, 1)`, y down.
fn image_position(at: usize, size: usize) -> (f32, f32) {
    let scale = 2.0 / size as f32;
    let (column, row) = ((at % size) as f32, (at / size) as f32);
    ((column + 0.5) * scale - 1.0, (row + 0.5) * scale - 1.0)
}

/// The gain that brings the brighter part of the visible image to the site's exposure.
///
/// As in an endoscope, the deep lumen stays dark and highlights saturate.
fn automatic_exposure(light: &[Vec3], camera: &CameraResponse, size: usize) -> f32 {
    let mut samples: Vec<f32> = (0..light.len())
        .step_by(7)
        .filter(|at| {
            let (x, y) = image_position(*at, size);
            camera.aperture.depth(x, y) > 0.0
        })
        .map(|at| light[at].luminance())
        .collect();
    samples.sort_by(f32::total_cmp);
    let quantile = |share: f32| {
        let at = (share * samples.len() as f32) as usize;
        samples.get(at).copied().unwrap_or(0.0)
    };
    let reference = 0.5 * (quantile(0.5) + quantile(0.85));
    camera.exposure / reference.max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CONFOUNDERS, LESION_CLASSES};

    fn small() -> SynthConfig {
        SynthConfig { size: 64, tied: true, ..SynthConfig::default() }
    }

    fn mean_colour(config: &SynthConfig, site: usize) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for index in 0..20 {
            for pixel in synthesize_frame(config, site, index).image.pixels().chunks(3) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += f32::from(*value);
                }
            }
        }
        sum.map(|sum| sum / (20 * config.size * config.size) as f32)
    }

    fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let frame = synthesize_frame(&small(), 2, 11);
        assert_eq!(frame, synthesize_frame(&small(), 2, 11));
        assert_ne!(frame, synthesize_frame(&SynthConfig { seed: 8, ..small() }, 2, 11));
        assert_ne!(frame, synthesize_frame(&small(), 2, 12));
    }

    #[test]
    fn a_mask_has_only_the_class_of_its_factors() {
        for site in 0..7 {
            for index in 0..24 {
                let SyntheticFrame { mask, factors, .. } = synthesize_frame(&small(), site, index);
                let label = factors.class.map_or(0, |class| class as u8 + 1);
                let covered = mask.classes().iter().filter(|class| **class != 0).count();
                assert!(mask.classes().iter().all(|class| *class == 0 || *class == label));
                assert_eq!(covered > 0, factors.class.is_some());
                assert!(factors.strengths.iter().all(|strength| (0.0..=1.0).contains(strength)));
            }
        }
    }

    #[test]
    fn most_lesions_are_neither_tiny_nor_huge() {
        let shares: Vec<f32> = (0..80)
            .map(|index| synthesize_frame(&small(), index % 5, index))
            .filter(|frame| frame.factors.class.is_some())
            .map(|frame| {
                let covered = frame.mask.classes().iter().filter(|class| **class != 0).count();
                covered as f32 / frame.mask.classes().len() as f32
            })
            .collect();
        let usual = shares.iter().filter(|share| (0.01..0.3).contains(*share)).count();
        assert!(usual * 10 > shares.len() * 9, "{shares:?}");
    }

    #[test]
    fn lesion_free_frames_have_the_configured_share() {
        let config = SynthConfig { lesion_free: 0.3, ..small() };
        let style = SiteStyle::new(&config, 0);
        let free = (0..2000)
            .filter(|index| style.draw_factors(&config, 0, *index).class.is_none())
            .count();
        assert!((free as f32 / 2000.0 - 0.3).abs() < 0.04, "{free}");
        let all = SynthConfig { lesion_free: 1.0, ..small() };
        assert_eq!(synthesize_frame(&all, 0, 0).factors.class, None);
    }

    #[test]
    fn classes_are_equally_frequent_at_all_sites() {
        let config = SynthConfig { lesion_free: 0.0, ..small() };
        for site in 0..7 {
            let style = SiteStyle::new(&config, site);
            let mut counts = [0; LESION_CLASSES.len()];
            for index in 0..2000 {
                if let Some(class) = style.draw_factors(&config, site, index).class {
                    counts[class] += 1;
                }
            }
            assert!(counts.iter().all(|count| (320..480).contains(count)), "{counts:?}");
        }
    }

    #[test]
    fn sites_differ_in_their_mean_colour() {
        let colours: Vec<[f32; 3]> = (0..5).map(|site| mean_colour(&small(), site)).collect();
        for (site, colour) in colours.iter().enumerate() {
            for other in &colours[..site] {
                assert!(distance(*colour, *other) > 8.0, "{colours:?}");
            }
        }
    }

    #[test]
    fn an_intervention_on_light_changes_the_image_and_not_the_mask() {
        let config = SynthConfig { lesion_free: 0.0, ..small() };
        let frame = synthesize_frame(&config, 0, 3);
        let mut factors = frame.factors;
        assert_eq!(intervene_on_frame(&config, 0, 3, &factors), frame);
        factors.strengths[Confounder::Blood as usize] = 0.8;
        factors.strengths[Confounder::Uneven as usize] = 0.8;
        let other = intervene_on_frame(&config, 0, 3, &factors);
        assert_ne!(other.image, frame.image);
        assert_eq!(other.mask, frame.mask);
    }

    #[test]
    fn every_confounder_changes_the_image() {
        let config = SynthConfig { lesion_free: 0.0, ..small() };
        let absent = FrameFactors { class: Some(0), strengths: [0.0; 12] };
        let plain = intervene_on_frame(&config, 0, 5, &absent);
        for (confounder, name) in CONFOUNDERS.iter().enumerate() {
            let mut factors = absent;
            factors.strengths[confounder] = 0.9;
            let frame = intervene_on_frame(&config, 0, 5, &factors);
            assert_ne!(frame.image, plain.image, "{name}");
        }
    }

    #[test]
    fn frames_can_have_any_size() {
        for size in [1, 63, 100] {
            let frame = synthesize_frame(&SynthConfig { size, ..small() }, 4, 0);
            assert_eq!(frame.image.pixels().len(), 3 * size * size);
            assert_eq!(frame.mask.classes().len(), size * size);
        }
    }
}
