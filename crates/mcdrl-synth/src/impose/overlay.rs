//! Calipers, lines and letters that a machine draws over a picture.

use super::picture::Picture;
use crate::random::Random;
use crate::vector::{Vec3, vec3};

/// The largest number of drawn things. The strength decides how many are shown, and how opaque they are.
const MOST: usize = 6;

/// Something that is drawn: its pixels' offsets from a place, in units.
type Shape = Vec<(isize, isize)>;

/// White calipers: crosses in pairs with a dotted line between them, and lines of letters.
pub fn calipers(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let unit = unit(picture);
    let mut cover = vec![0.0; picture.pixels.len()];
    let shown = shown(strength);
    for number in 0..MOST {
        let (from, to) = (place(picture, random), place(picture, random));
        let letters = letters(random, 7);
        if number >= shown {
            continue;
        }
        if number % 2 == 0 {
            for end in [from, to] {
                stamp(picture, &mut cover, &cross(4), end, unit);
            }
            dotted(picture, &mut cover, from, to, 4 * unit);
        } else {
            stamp(picture, &mut cover, &letters, from, unit);
        }
    }
    draw(picture, cover, Vec3::splat(0.95), strength)
}

/// Yellow boxes and ticks along a side, and larger letters.
pub fn rulers(picture: &mut Picture, strength: f32, random: &mut Random) -> Vec<f32> {
    let unit = unit(picture);
    let mut cover = vec![0.0; picture.pixels.len()];
    let shown = shown(strength);
    let side = picture.side() as isize;
    for number in 0..MOST {
        let at = place(picture, random);
        let (width, height) = (random.range(0.1, 0.3), random.range(0.08, 0.25));
        let letters = letters(random, 4);
        if number >= shown {
            continue;
        }
        match number % 3 {
            0 => {
                let reach = |share: f32| (share * side as f32) as isize;
                let (right, bottom) = (at[0] + reach(width), at[1] + reach(height));
                for x in at[0]..=right {
                    [at[1], bottom].into_iter().for_each(|y| mark(picture, &mut cover, [x, y]));
                }
                for y in at[1]..=bottom {
                    [at[0], right].into_iter().for_each(|x| mark(picture, &mut cover, [x, y]));
                }
            }
            1 => stamp(picture, &mut cover, &letters, at, 2 * unit),
            _ => {
                for tick in 0..12 {
                    let y = tick * picture.height as isize / 12;
                    (0..4 * unit).for_each(|x| mark(picture, &mut cover, [x + unit, y]));
                }
            }
        }
    }
    draw(picture, cover, vec3(0.95, 0.85, 0.2), strength)
}

/// The thickness of a line, pixels.
fn unit(picture: &Picture) -> isize {
    (picture.side() / 192.0).round().max(1.0) as isize
}

fn shown(strength: f32) -> usize {
    ((strength * MOST as f32).ceil() as usize).min(MOST)
}

fn place(picture: &Picture, random: &mut Random) -> [isize; 2] {
    let along = |share: f32, side: usize| (share * side as f32) as isize;
    [along(random.range(0.05, 0.9), picture.width), along(random.range(0.05, 0.9), picture.height)]
}

fn cross(reach: isize) -> Shape {
    (-reach..=reach).flat_map(|step| [(step, 0), (0, step)]).collect()
}

/// Letters of 3 × 5 units that no alphabet knows.
fn letters(random: &mut Random, count: isize) -> Shape {
    let mut shape = Vec::new();
    for letter in 0..count {
        for (x, y) in (0..5).flat_map(|y| (0..3).map(move |x| (x, y))) {
            if random.chance(0.55) {
                shape.push((4 * letter + x, y));
            }
        }
    }
    shape
}

fn stamp(picture: &Picture, cover: &mut [f32], shape: &Shape, at: [isize; 2], unit: isize) {
    for (x, y) in shape {
        for (right, down) in (0..unit).flat_map(|down| (0..unit).map(move |right| (right, down))) {
            mark(picture, cover, [at[0] + x * unit + right, at[1] + y * unit + down]);
        }
    }
}

fn dotted(picture: &Picture, cover: &mut [f32], from: [isize; 2], to: [isize; 2], step: isize) {
    let (across, down) = (to[0] - from[0], to[1] - from[1]);
    let steps = (across.abs().max(down.abs()) / step).max(1);
    for number in 0..=steps {
        mark(picture, cover, [from[0] + across * number / steps, from[1] + down * number / steps]);
    }
}

fn mark(picture: &Picture, cover: &mut [f32], [x, y]: [isize; 2]) {
    if (0..picture.width as isize).contains(&x) && (0..picture.height as isize).contains(&y) {
        cover[y as usize * picture.width + x as usize] = 1.0;
    }
}

fn draw(picture: &mut Picture, cover: Vec<f32>, ink: Vec3, strength: f32) -> Vec<f32> {
    let opacity = 0.4 + 0.6 * strength;
    picture.change(|at, pixel| pixel.lerp(ink, opacity * cover[at]));
    cover
}
