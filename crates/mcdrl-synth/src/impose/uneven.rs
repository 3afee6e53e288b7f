//! Uneven light.

use super::picture::{Picture, luma};
use crate::random::Random;

/// Darker pixels are the black frame of an endoscope's picture.
const BLACK: f32 = 0.04;

/// How far the direction of [`slope`] may turn away from that of the picture's own light, radians.
const TURN: f32 = 1.0;

/// Light that grows along one direction. It acts where it differs from the mean. It grows towards the brighter side of the
/// picture: against it, the slope would make the light more even.
pub fn slope(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let heading = brighter_side(picture) + random.range(-TURN, TURN);
    light(picture, |x, y| {
        let slope = (heading.cos() * x + heading.sin() * y) / std::f32::consts::SQRT_2;
        (1.0 + 1.1 * strength * slope, slope.abs())
    })
}

/// A spot of light beside the centre, on the brighter side. It acts outside the spot.
pub fn spot(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let heading = brighter_side(picture) + random.range(-TURN, TURN);
    let distance = random.range(0.4, 0.8);
    let centre = [heading.cos() * distance, heading.sin() * distance];
    light(picture, |x, y| {
        let away = ((x - centre[0]).powi(2) + (y - centre[1]).powi(2)).sqrt();
        let shade = 1.0 - (-0.9 * away * away).exp();
        ((1.0 + 0.25 * strength) * (1.0 - 0.95 * strength * shade), shade)
    })
}

/// The direction from the middle of what the picture shows to the middle of its light, radians.
fn brighter_side(picture: &Picture) -> f32 {
    let (mut shown, mut lit) = ([0.0; 3], [0.0; 3]);
    for (at, colour) in picture.pixels.iter().enumerate() {
        let (x, y) = picture.position(at);
        let light = luma(*colour);
        let add = |sums: &mut [f32; 3], weight: f32| {
            *sums = [sums[0] + weight * x, sums[1] + weight * y, sums[2] + weight];
        };
        add(&mut shown, f32::from(u8::from(light > BLACK)));
        add(&mut lit, light);
    }
    let middle = |sums: [f32; 3], axis: usize| sums[axis] / sums[2].max(1e-3);
    (middle(lit, 1) - middle(shown, 1)).atan2(middle(lit, 0) - middle(shown, 0))
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
