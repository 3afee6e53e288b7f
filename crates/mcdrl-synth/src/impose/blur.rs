//! Blur: a picture out of focus, or a moving camera.

use super::picture::Picture;
use crate::random::Random;

/// Deviation of the strongest defocus, as a share of the shorter side.
const WIDEST: f32 = 0.018;
/// Half length of the longest motion, as a share of the shorter side.
const LONGEST: f32 = 0.04;

/// A Gaussian defocus.
pub fn defocus(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    *picture = picture.blurred((WIDEST * strength * picture.side()).max(0.05));
    picture.everywhere()
}

/// A motion along a line.
pub fn motion(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let heading = random.angle();
    let half = (LONGEST * strength * picture.side()).max(0.5);
    let reach = half.ceil() as i32;
    let weight = 1.0 / (2 * reach + 1) as f32;
    let taps: Vec<_> = (-reach..=reach)
        .map(|step| {
            let along = half * step as f32 / reach as f32;
            let (x, y) = (heading.cos() * along, heading.sin() * along);
            (x.round() as isize, y.round() as isize, weight)
        })
        .collect();
    *picture = picture.average(&taps);
    picture.everywhere()
}
