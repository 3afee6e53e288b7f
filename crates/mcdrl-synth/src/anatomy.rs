//! The shape of a hollow organ: a bent tube with folds, seen from the inside.

use crate::random::Random;
use crate::vector::{Vec3, smoothstep, vec3};

/// The first cell with a fold. Folds lie in consecutive cells along the organ, one per cell.
const FIRST_CELL: i32 = -6;
/// The number of folds. Even with the shortest spacing, they reach deeper than the light.
const FOLDS: usize = 32;

/// The wall of a hollow organ along the z axis, with a radius of about one unit. The camera is near z = 0.
#[derive(Clone, Debug)]
pub struct Anatomy {
    /// Sideways shift of the lumen per unit of depth squared.
    bend: (f32, f32),
    /// Folds per unit of depth.
    frequency: f32,
    folds: [Fold; FOLDS],
    /// Strength of the lumen's triangular shape, as between the taeniae of a colon.
    trefoil: f32,
    trefoil_phase: (f32, f32),
    /// Depth of folds that run along the organ.
    rugae: f32,
    /// Swellings of the healthy wall, which look similar to lesions.
    mounds: Vec<Mound>,
}

/// One fold across the lumen: a ridge on part of the circumference.
#[derive(Clone, Copy, Debug, Default)]
struct Fold {
    depth: f32,
    height: f32,
    /// One over half the width of the ridge.
    steepness: f32,
    /// Direction of the circumference where the fold is highest.
    crest: (f32, f32),
    /// 0: the fold has the same height all around. 1: it is absent opposite the crest.
    partial: f32,
    /// Shift of the crest along the organ. The opposite side shifts by as much in the other direction.
    tilt: f32,
}

/// A smooth swelling of the wall.
#[derive(Clone, Copy, Debug)]
struct Mound {
    centre: Vec3,
    radius: f32,
    /// Stretch along the organ.
    stretch: f32,
}

impl Anatomy {
    /// Draws the shape of one organ.
    pub fn new(random: &mut Random) -> Self {
        let bend_angle = random.angle();
        let bend = random.range(0.0, 0.075);
        let spacing = random.range(0.65, 1.45);
        let strength = random.range(0.45, 1.0);
        let folds = std::array::from_fn(|fold| {
            Fold::new(random, FIRST_CELL + fold as i32, spacing, strength)
        });
        let trefoil = if random.chance(0.6) { random.range(0.03, 0.13) } else { 0.0 };
        let phase = random.angle();
        let rugae = if random.chance(0.4) { random.range(0.02, 0.07) } else { 0.0 };
        let mounds = (0..random.below(4)).map(|_| Mound::new(random)).collect();
        Self {
            bend: (bend * bend_angle.cos(), bend * bend_angle.sin()),
            frequency: 1.0 / spacing,
            folds,
            trefoil,
            trefoil_phase: (phase.cos(), phase.sin()),
            rugae,
            mounds,
        }
    }

    /// The distance, across the lumen, from a point to the wall; negative behind the wall.
    ///
    /// At steep folds the nearest wall is closer than this, by a factor of up to about 2.5.
    #[inline]
    pub fn distance(&self, point: Vec3) -> f32 {
        let x = point.x - self.bend.0 * point.z * point.z;
        let y = point.y - self.bend.1 * point.z * point.z;
        let radius = (x * x + y * y).sqrt();
        let inverse = 1.0 / radius.max(1e-6);
        let (c, s) = (x * inverse, y * inverse);
        // Multiple angles without trigonometry: cos 3θ and sin 3θ, then cos 6θ.
        let (c3, s3) = (c * (4.0 * c * c - 3.0), s * (3.0 - 4.0 * s * s));
        let lobed = c3 * self.trefoil_phase.0 + s3 * self.trefoil_phase.1;
        let mut wall = 1.0 - self.trefoil * lobed - self.rugae * (2.0 * lobed * lobed - 1.0);

        // The value is not negative, so truncation is the floor. Depths before the first cell have no folds.
        let cell = (point.z * self.frequency - FIRST_CELL as f32).max(0.0) as i32 as usize;
        let neighbours = cell.saturating_sub(1).min(FOLDS)..(cell + 2).min(FOLDS);
        for fold in &self.folds[neighbours] {
            wall -= fold.height_at(point.z, c, s);
        }
        let mut distance = wall - radius;
        for mound in &self.mounds {
            distance = mound.raise(point, distance);
        }
        distance
    }

    /// Position on the unrolled wall: the angle around the organ and the depth along it.
    pub fn unroll(&self, point: Vec3) -> (f32, f32) {
        let x = point.x - self.bend.0 * point.z * point.z;
        let y = point.y - self.bend.1 * point.z * point.z;
        (y.atan2(x), point.z)
    }
}

impl Fold {
    fn new(random: &mut Random, cell: i32, spacing: f32, strength: f32) -> Self {
        let depth = (cell as f32 + 0.5 + random.range(-0.25, 0.25)) * spacing;
        let crest = random.angle();
        Self {
            depth,
            // The camera must not be inside a fold.
            height: strength * random.range(0.12, 0.52) * smoothstep(0.15, 0.6, depth.abs()),
            steepness: 1.0 / (spacing * random.range(0.25, 0.55)),
            crest: (crest.cos(), crest.sin()),
            partial: random.range(0.1, 1.0),
            tilt: random.range(-0.25, 0.25) * spacing,
        }
    }

    #[inline]
    fn height_at(&self, depth: f32, c: f32, s: f32) -> f32 {
        let along = c * self.crest.0 + s * self.crest.1;
        let u = (depth - self.depth - self.tilt * along) * self.steepness;
        let ridge = 1.0 - u * u;
        if ridge <= 0.0 {
            return 0.0;
        }
        let extent = 1.0 - 0.5 * self.partial * (1.0 - along);
        self.height * extent * extent * ridge * ridge * ridge
    }
}

impl Mound {
    fn new(random: &mut Random) -> Self {
        let angle = random.angle();
        let radius = random.range(0.12, 0.32);
        let depth = random.range(0.4, 3.0);
        Self {
            centre: vec3(angle.cos(), angle.sin(), depth),
            radius,
            stretch: random.range(1.0, 2.6),
        }
    }

    /// The distance to the wall with this swelling.
    fn raise(&self, point: Vec3, wall: f32) -> f32 {
        let mut offset = point - self.centre;
        offset.z /= self.stretch;
        // Beyond the fillet the swelling has no effect.
        let reach = self.radius + 0.2 + wall.max(0.0);
        if offset.dot(offset) > reach * reach {
            return wall;
        }
        let distance = offset.length() - self.radius;
        smooth_minimum(wall, distance, 0.2)
    }
}

/// The smaller of two distances, with a fillet of about `blend` where they meet.
pub fn smooth_minimum(a: f32, b: f32, blend: f32) -> f32 {
    let overlap = (blend - (a - b).abs()).max(0.0) / blend.max(1e-6);
    a.min(b) - 0.25 * blend * overlap * overlap
}
