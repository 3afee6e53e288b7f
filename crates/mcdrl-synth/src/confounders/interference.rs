//! Surface interference: mucus, blood and reflections on the wall.

use super::{Confounder, FrameFactors};
use crate::lesion::Material;
use crate::noise::{fractal_noise, value_noise};
use crate::random::Random;
use crate::vector::{Vec3, smoothstep, vec3};

/// The mucus, blood and reflections on the wall of one frame.
#[derive(Clone, Debug)]
pub struct Interference {
    mucus: f32,
    mucus_colour: Vec3,
    blood: f32,
    reflection: f32,
    /// Unit direction in which fluids collect.
    down: Vec3,
    bubbles: Vec<Bubble>,
    seed: u32,
}

/// A bubble of mucus, in image coordinates.
#[derive(Clone, Copy, Debug)]
struct Bubble {
    x: f32,
    y: f32,
    radius: f32,
}

impl Interference {
    /// Draws the layout for the strengths of the three confounders. Fluids collect in the direction `down`.
    pub fn new(random: &mut Random, factors: &FrameFactors, down: Vec3) -> Self {
        let mucus = factors.strength(Confounder::Mucus);
        let yellow = random.unit();
        let seed = random.bits();
        // All bubbles are drawn at any strength. The strength decides only how many are shown.
        let bubbles: Vec<Bubble> = bubble_clusters(random);
        let shown = (mucus * bubbles.len() as f32) as usize;
        Self {
            mucus,
            mucus_colour: vec3(0.93, 0.86, 0.70).lerp(vec3(0.85, 0.62, 0.16), yellow),
            blood: factors.strength(Confounder::Blood),
            reflection: factors.strength(Confounder::Reflection),
            down,
            bubbles: bubbles.into_iter().take(shown).collect(),
            seed,
        }
    }

    /// Covers the wall's material at a point with blood and mucus.
    pub fn coat(&self, point: Vec3, mut material: Material) -> Material {
        if self.blood > 0.0 {
            let film = self.blood_film(point);
            // A thin film filters the wall's colour, a thick one hides it.
            let filtered = material.albedo.scale(vec3(0.80, 0.12, 0.09));
            let thick = filtered.lerp(vec3(0.34, 0.018, 0.012), 0.75 * film * film);
            material.albedo = material.albedo.lerp(thick, film);
            material.gloss += 0.6 * film;
        }
        if self.mucus > 0.0 {
            let (film, clot) = self.mucus_film(point);
            material.albedo = material.albedo.lerp(self.mucus_colour, film);
            material.albedo = material.albedo.lerp(self.mucus_colour * 0.9, clot);
            material.gloss += 0.8 * film;
        }
        material
    }

    /// The slope that the wet film adds to the normal, and the smallest cosine of a glint.
    pub fn wetness(&self, point: Vec3) -> (Vec3, f32) {
        let (patch, _) = value_noise(point * 3.7, self.seed ^ 0x76);
        let (_, coarse) = value_noise(point * 15.0, self.seed ^ 0x77);
        let (_, fine) = value_noise(point * 37.0, self.seed ^ 0x78);
        let slope = (coarse * 0.7 + fine * 0.5) * (0.17 + 0.15 * self.reflection);
        // Glints come in patches, where the film is thick enough to be smooth.
        let dry = smoothstep(0.35, -0.15, patch) * (1.0 - 0.6 * self.reflection);
        (slope, 0.9935 - 0.014 * self.reflection + 0.012 * dry)
    }

    /// Adds the bubbles to the light at an image position.
    pub fn bubbles(&self, x: f32, y: f32, light: Vec3) -> Vec3 {
        self.bubbles.iter().fold(light, |light, bubble| {
            let (dx, dy) = ((x - bubble.x) / bubble.radius, (y - bubble.y) / bubble.radius);
            let distance = (dx * dx + dy * dy).sqrt();
            if distance > 1.2 {
                return light;
            }
            let rim = smoothstep(0.68, 0.92, distance) * smoothstep(1.15, 0.95, distance);
            let glint = smoothstep(0.30, 0.12, ((dx + 0.4).powi(2) + (dy + 0.4).powi(2)).sqrt());
            let film = smoothstep(1.05, 0.9, distance);
            let brightness = light.luminance();
            light.lerp(self.mucus_colour * brightness * 1.7, 0.22 * film)
                + Vec3::splat(1.3 * brightness) * (0.55 * rim)
                + Vec3::splat(3.0 * brightness + 0.3) * glint
        })
    }

    fn blood_film(&self, point: Vec3) -> f32 {
        let warp = Vec3::splat(value_noise(point * 2.0, self.seed ^ 0x10).0 * 0.5);
        let pool =
            fractal_noise(point * 1.5 + warp, 3, self.seed ^ 0x11) + 0.3 * self.down.dot(point);
        let streak =
            fractal_noise(vec3(point.x * 7.0, point.y * 7.0, point.z * 1.3), 2, self.seed ^ 0x12);
        let field = pool.max(0.75 * streak - 0.1);
        let threshold = 0.62 - 0.72 * self.blood;
        (0.45 + 0.5 * self.blood) * smoothstep(threshold, threshold + 0.28, field)
    }

    /// Cover by translucent film and by opaque clots.
    fn mucus_film(&self, point: Vec3) -> (f32, f32) {
        let warp = Vec3::splat(value_noise(point * 2.6, self.seed ^ 0x20).0 * 0.8);
        let sheet =
            fractal_noise(point * 1.9 + warp, 3, self.seed ^ 0x21) + 0.15 * self.down.dot(point);
        let strand = 1.0 - 6.0 * value_noise(point * 2.4 + warp, self.seed ^ 0x22).0.abs();
        let broken = smoothstep(-0.1, 0.3, value_noise(point * 3.3, self.seed ^ 0x23).0);
        let threshold = 0.60 - 0.6 * self.mucus;
        let film = smoothstep(threshold, threshold + 0.3, sheet)
            .max(smoothstep(0.1, 0.8, strand) * broken * smoothstep(0.05, 0.4, self.mucus));
        let speck = value_noise(point * 13.0, self.seed ^ 0x24).0;
        let rarity = 0.86 - 0.35 * self.mucus;
        let clot = smoothstep(rarity, rarity + 0.12, speck) * smoothstep(0.0, 0.2, self.mucus);
        ((0.3 + 0.4 * self.mucus) * film, 0.85 * clot)
    }
}

/// Clusters of bubbles of different sizes.
fn bubble_clusters(random: &mut Random) -> Vec<Bubble> {
    let mut bubbles = Vec::new();
    for _ in 0..5 {
        let (x, y) = (random.range(-0.8, 0.8), random.range(-0.8, 0.8));
        let count = 2 + random.below(9);
        for _ in 0..count {
            bubbles.push(Bubble {
                x: x + 0.09 * random.bell(),
                y: y + 0.09 * random.bell(),
                radius: random.log_range(0.015, 0.075),
            });
        }
    }
    bubbles
}
