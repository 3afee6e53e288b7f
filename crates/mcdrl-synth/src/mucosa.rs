//! The lining of the wall: its colour, its mottling and its visible vessels.

use crate::noise::{fractal_noise, value_noise};
use crate::random::Random;
use crate::vector::{Vec3, vec3};

/// Samples of the vessel map around the organ.
const AROUND: usize = 512;
/// Samples of the vessel map along the organ.
const ALONG: usize = 336;
/// Depth at which the vessel map begins.
const FIRST_DEPTH: f32 = -1.0;
/// Samples per unit of length, the same in both directions for a wall of unit radius.
const DENSITY: f32 = AROUND as f32 / std::f32::consts::TAU;
/// The step of a growing vessel in samples, less than its width.
const STRIDE: f32 = 1.4;
/// Share of red, green and blue light that passes a vessel. Haemoglobin absorbs green and blue.
const VESSEL_TINT: Vec3 = vec3(0.72, 0.33, 0.30);

/// Colour and relief of healthy mucosa.
#[derive(Clone, Debug)]
pub struct Mucosa {
    albedo: Vec3,
    mottling: f32,
    relief: f32,
    vessel_contrast: f32,
    vessels: Vec<f32>,
    seed: u32,
}

impl Mucosa {
    /// Draws the lining of one organ around the typical colour of a site's patients.
    pub fn new(random: &mut Random, typical: Vec3) -> Self {
        let hue = random.range(-1.0, 1.0);
        let paleness = random.range(0.0, 0.3);
        let shifted = typical.scale(vec3(1.0, 1.0 + 0.10 * hue, 1.0 - 0.22 * hue));
        Self {
            albedo: shifted.lerp(vec3(0.85, 0.55, 0.42), paleness),
            mottling: random.range(0.08, 0.28),
            relief: random.range(0.5, 1.6),
            vessel_contrast: random.range(0.15, 0.95),
            vessels: vessel_map(random),
            seed: random.bits(),
        }
    }

    /// Colour of the mucosa at a point of the wall whose unrolled position is `(angle, depth)`.
    pub fn albedo(&self, point: Vec3, (angle, depth): (f32, f32)) -> Vec3 {
        let broad = fractal_noise(point * 2.2, 3, self.seed);
        let fine = value_noise(point * 19.0, self.seed ^ 0x51).0;
        let mottled =
            self.albedo * (1.0 + 0.5 * self.mottling * fine) * (1.0 + 0.3 * self.mottling * broad);
        // The blood supply varies. With a rich supply, the wall is redder, not only darker.
        let blush = (self.mottling * broad * 1.6).clamp(-0.3, 0.4);
        let reddened = mottled.scale(vec3(1.0, 1.0 - blush, 1.0 - blush));
        let vessel = self.vessel_contrast * self.vessel(angle, depth);
        reddened.scale(Vec3::splat(1.0).lerp(VESSEL_TINT, vessel))
    }

    /// The typical colour, before mottling and vessels.
    pub fn base(&self) -> Vec3 {
        self.albedo
    }

    /// The slope that small relief adds to the normal at a point.
    pub fn relief(&self, point: Vec3) -> Vec3 {
        let (_, broad) = value_noise(point * 3.1, self.seed ^ 0xA1);
        let (_, medium) = value_noise(point * 9.0, self.seed ^ 0xA2);
        (broad * 0.11 + medium * 0.08) * self.relief
    }

    /// Cover of an unrolled position by vessels, in `[0, 1]`.
    fn vessel(&self, angle: f32, depth: f32) -> f32 {
        let x = angle.rem_euclid(std::f32::consts::TAU) * DENSITY;
        let y = (depth - FIRST_DEPTH) * DENSITY;
        if y < 0.0 || y >= (ALONG - 1) as f32 {
            return 0.0;
        }
        let (column, row) = (x as usize % AROUND, y as usize);
        let (fx, fy) = (x.fract(), y.fract());
        let at = |c: usize, r: usize| self.vessels[r * AROUND + c % AROUND];
        let top = at(column, row) * (1.0 - fx) + at(column + 1, row) * fx;
        let bottom = at(column, row + 1) * (1.0 - fx) + at(column + 1, row + 1) * fx;
        top * (1.0 - fy) + bottom * fy
    }
}

/// One growing tip of a vessel tree, in samples of the map.
struct Tip {
    x: f32,
    y: f32,
    heading: f32,
    /// The mean heading, to which the meandering heading returns.
    course: f32,
    radius: f32,
    length: f32,
}

/// A map of vessel trees over the unrolled wall: trunks that meander, thin out and branch.
fn vessel_map(random: &mut Random) -> Vec<f32> {
    let mut map = vec![0.0f32; AROUND * ALONG];
    let trees = 18 + random.below(38);
    let tortuosity = random.range(0.08, 0.45);
    let calibre = random.range(0.7, 1.25);
    let mut tips: Vec<Tip> = (0..trees)
        .map(|_| Tip {
            x: random.range(0.0, AROUND as f32),
            y: random.range(0.0, ALONG as f32),
            heading: 0.0,
            course: random.angle(),
            radius: calibre * random.range(0.8, 1.9),
            length: random.range(50.0, 150.0),
        })
        .collect();
    while let Some(mut tip) = tips.pop() {
        tip.heading = tip.course;
        while tip.length > 0.0 && tip.radius > 0.35 {
            stamp(&mut map, &tip);
            tip.heading += tortuosity * random.bell() - 0.08 * (tip.heading - tip.course);
            tip.x = (tip.x + STRIDE * tip.heading.cos()).rem_euclid(AROUND as f32);
            tip.y += STRIDE * tip.heading.sin();
            tip.length -= STRIDE;
            tip.radius *= 0.995;
            if tip.radius > 0.5 && random.chance(0.05) {
                let side = if random.chance(0.5) { 1.0 } else { -1.0 };
                tips.push(Tip {
                    course: tip.heading + side * random.range(0.4, 1.1),
                    radius: tip.radius * random.range(0.55, 0.8),
                    length: tip.length * random.range(0.5, 0.9),
                    ..tip
                });
                tip.course -= side * 0.15;
            }
        }
    }
    map
}

/// Draws a soft disc into the map at the tip.
fn stamp(map: &mut [f32], tip: &Tip) {
    let reach = (tip.radius + 1.0) as i32;
    let (x, y) = (tip.x.round(), tip.y.round());
    let depth = (tip.radius / 1.8).clamp(0.35, 1.0);
    for dy in -reach..=reach {
        let row = y as i32 + dy;
        if row < 0 || row >= ALONG as i32 {
            continue;
        }
        for dx in -reach..=reach {
            let column = (x as i32 + dx).rem_euclid(AROUND as i32);
            let (to_x, to_y) = (x + dx as f32 - tip.x, y + dy as f32 - tip.y);
            let distance = (to_x * to_x + to_y * to_y).sqrt();
            let cover = depth * (tip.radius + 0.5 - distance).clamp(0.0, 1.0);
            let sample = &mut map[row as usize * AROUND + column as usize];
            *sample = sample.max(cover);
        }
    }
}
