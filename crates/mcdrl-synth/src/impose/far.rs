//! A distant view.

use super::picture::{Picture, Surroundings, Zoom, lit};
use crate::random::Random;
use crate::vector::Vec3;

/// The picture becomes smaller. Around it there is its mirror image or its border, so that neither of them means distance.
pub fn zoom(strength: f32, random: &mut Random) -> Zoom {
    let is_mirrored = random.chance(0.5);
    let surroundings = if is_mirrored { Surroundings::Mirrored } else { Surroundings::Repeated };
    Zoom { scale: 1.0 + strength, surroundings, ..Zoom::default() }
}

/// The picture becomes smaller, in the middle of a black one.
pub fn small(strength: f32) -> Zoom {
    Zoom { scale: 1.0 + strength, surroundings: Surroundings::Black, ..Zoom::default() }
}

/// Less light arrives at the rim.
pub fn dim_rim(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    let positions: Vec<_> = (0..picture.pixels.len()).map(|at| picture.position(at)).collect();
    picture.change(|at, colour| {
        let (x, y) = positions[at];
        let away = ((x * x + y * y).sqrt() - 0.35).max(0.0) / 0.9;
        colour * (1.0 - 0.75 * strength * away).clamp(0.05, 1.0)
    });
    picture.everywhere()
}

/// Less light arrives at all, through haze.
pub fn haze(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    let blurred = picture.blurred((0.004 * strength * picture.side()).max(0.1));
    picture.change(|at, colour| {
        let haze = Vec3::splat(0.25 * lit(colour));
        blurred.pixels[at].lerp(haze, 0.3 * strength) * (1.0 - 0.35 * strength)
    });
    picture.everywhere()
}
