//! A close view.

use super::picture::{Picture, Zoom};
use crate::random::Random;

/// A magnified part of the picture.
pub fn zoom(strength: f32, random: &mut Random) -> Zoom {
    let mut shift = || 0.25 * strength * random.range(-1.0, 1.0);
    Zoom { scale: 1.0 - 0.5 * strength, shift: [shift(), shift()], ..Zoom::default() }
}

/// Changes only the view.
pub fn view(picture: &mut Picture, _: f32, _: &mut Random) -> Vec<f32> {
    picture.everywhere()
}

/// Close to the lamp, the middle is bright and the rim is dark.
pub fn headlight(picture: &mut Picture, strength: f32, _: &mut Random) -> Vec<f32> {
    let positions: Vec<_> = (0..picture.pixels.len()).map(|at| picture.position(at)).collect();
    picture.change(|at, colour| {
        let (x, y) = positions[at];
        colour * (1.0 + strength * (0.3 - 0.35 * (x * x + y * y)))
    });
    picture.everywhere()
}
