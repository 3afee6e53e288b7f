//! Uneven light.

use super::picture::Picture;
use crate::random::Random;

/// Light that grows along one direction. It acts where it differs from the mean.
pub fn slope(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let heading = random.angle();
    light(picture, |x, y| {
        let slope = (heading.cos() * x + heading.sin() * y) / std::f32::consts::SQRT_2;
        (1.0 + 1.1 * strength * slope, slope.abs())
    })
}

/// A spot of light beside the centre. It acts outside the spot.
pub fn spot(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let (heading, distance) = (random.angle(), random.range(0.4, 0.8));
    let centre = [heading.cos() * distance, heading.sin() * distance];
    light(picture, |x, y| {
        let away = ((x - centre[0]).powi(2) + (y - centre[1]).powi(2)).sqrt();
        let shade = 1.0 - (-0.9 * away * away).exp();
        ((1.0 + 0.25 * strength) * (1.0 - 0.95 * strength * shade), shade)
    })
}

/// Changes the light by a function of the position: the factor, and how much the light acts there.
fn light(picture: &mut Picture, at_position: impl Fn(f32, f32) -> (f32, f32)) -> Vec<f32> {
    let light: Vec<(f32, f32)> = (0..picture.pixels.len())
        .map(|at| {
            let (x, y) = picture.position(at);
            at_position(x, y)
        })
        .collect();
    picture.change(|at, colour| colour * light[at].0.max(0.0));
    light.into_iter().map(|(_, acts)| acts.clamp(0.0, 1.0)).collect()
}
