//! Lesions of five classes. Each is a shape on the wall with an exact extent and its own colour.

use crate::anatomy::smooth_minimum;
use crate::noise::{fractal_noise, value_noise};
use crate::random::Random;
use crate::vector::{Vec3, smoothstep, vec3};

/// Lesion classes; mask value `1 + index`.
pub const LESION_CLASSES: [&str; 5] = ["polyp", "tumor", "inflammation", "nodule", "cyst"];

/// Position and size of a lesion on the wall.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// The point of the wall under the lesion's centre.
    pub anchor: Vec3,
    /// Unit normal of the wall there, into the lumen.
    pub normal: Vec3,
    /// Radius of the lesion's footprint.
    pub radius: f32,
}

/// One lesion of one class.
///
/// Shape and colour are drawn once. [`Lesion::placed`] resizes the lesion and draws no random numbers.
#[derive(Clone, Debug)]
pub struct Lesion {
    form: Form,
    appearance: Appearance,
    placement: Placement,
    tangents: (Vec3, Vec3),
    /// Radius, in radii of the footprint, of a sphere around the anchor that contains the lesion.
    reach: f32,
    seed: u32,
}

/// The shape of a lesion, in units of its radius: x and y along the wall, z into the lumen.
#[derive(Clone, Debug)]
enum Form {
    /// A dome, or a head on a stalk: spheroids, each with a centre and semi-axes.
    Polyp { parts: Vec<(Vec3, Vec3)> },
    /// Crowded lobes around an ulcer.
    Tumor { lobes: Vec<(Vec3, f32)>, crater: Vec3, crater_radius: f32 },
    /// A flat patch of the wall with a ragged edge.
    Inflammation { raggedness: f32 },
    /// Small firm bumps.
    Nodule { bumps: Vec<(Vec3, f32)> },
    /// A tense, half-sunk sphere with this height.
    Cyst { height: f32 },
}

/// The colour of a lesion relative to the mucosa around it.
#[derive(Clone, Debug)]
struct Appearance {
    /// The share to which the lesion's own colour replaces that of the mucosa.
    contrast: f32,
    /// Factor on the mucosa's colour.
    tint: Vec3,
    /// Colour of the second material: ulcer floor, fibrous cap, cyst content.
    second: Vec3,
    /// Luminance of the second material relative to the mucosa.
    brightness: f32,
    /// Strength of the surface pattern.
    pattern: f32,
}

/// The material of the wall at one point.
#[derive(Clone, Copy, Debug)]
pub struct Material {
    /// Linear RGB albedo.
    pub albedo: Vec3,
    /// Factor on the specular highlight.
    pub gloss: f32,
    /// Light that enters the lesion and comes out at its rim, as under the skin of a cyst.
    pub translucency: f32,
}

impl Lesion {
    /// Draws a lesion of a class (an index into [`LESION_CLASSES`]) at a placement.
    pub fn new(class: usize, placement: Placement, random: &mut Random) -> Self {
        let form = match class {
            0 => Form::polyp(random),
            1 => Form::tumor(random),
            2 => Form::Inflammation { raggedness: random.range(0.35, 0.8) },
            3 => Form::nodule(random),
            _ => Form::Cyst { height: random.range(0.4, 0.75) },
        };
        let appearance = Appearance::new(&form, random);
        let seed = random.bits();
        let tangents = rotated(placement.normal.tangents(), random.angle());
        let reach = form.reach();
        Self { form, appearance, placement, tangents, reach, seed }
    }

    /// The same lesion with another radius.
    pub fn placed(&self, radius: f32) -> Self {
        Self { placement: Placement { radius, ..self.placement }, ..self.clone() }
    }

    /// Radius of the footprint.
    pub fn radius(&self) -> f32 {
        self.placement.radius
    }

    /// The point of the wall under the lesion's centre.
    pub fn anchor(&self) -> Vec3 {
        self.placement.anchor
    }

    /// Distance from a point to the lesion's surface. Far outside, it is a lower bound. It is infinite for a lesion without
    /// relief.
    pub fn distance(&self, point: Vec3) -> f32 {
        if matches!(self.form, Form::Inflammation { .. }) {
            return f32::INFINITY;
        }
        let size = self.placement.radius;
        let bound = (point - self.placement.anchor).length() - self.reach * size;
        if bound > self.blend() {
            return bound;
        }
        let local = self.local(point);
        let relative = match &self.form {
            Form::Polyp { parts } => {
                parts.iter().fold(f32::INFINITY, |nearest, part| {
                    smooth_minimum(nearest, spheroid(local - part.0, part.1), 0.3)
                }) + 0.11 * value_noise(local * 1.9, self.seed).0
            }
            Form::Tumor { lobes, crater, crater_radius } => {
                let mass = union_of_spheres(local, lobes, 0.3);
                let hollow = (local - *crater).length() - crater_radius;
                let carved = -smooth_minimum(-mass, hollow, 0.2);
                carved + 0.10 * fractal_noise(local * 2.8, 2, self.seed)
            }
            Form::Nodule { bumps } => {
                union_of_spheres(local, bumps, 0.08) + 0.05 * value_noise(local * 2.5, self.seed).0
            }
            Form::Cyst { height } => {
                spheroid(local, vec3(1.0, 1.0, *height))
                    + 0.06 * value_noise(local * 1.3, self.seed).0
            }
            Form::Inflammation { .. } => f32::INFINITY,
        };
        relative * size
    }

    /// Width of the fillet between the lesion and the wall.
    pub fn blend(&self) -> f32 {
        let relative = match self.form {
            Form::Polyp { .. } => 0.34,
            Form::Tumor { .. } => 0.35,
            Form::Nodule { .. } => 0.25,
            Form::Cyst { .. } => 0.16,
            Form::Inflammation { .. } => 0.0,
        };
        relative * self.placement.radius
    }

    /// Depth of a visible point inside the lesion's outline, in radii; positive inside the lesion. `wall` is the distance of
    /// the point to the wall without the lesion.
    pub fn depth_inside(&self, point: Vec3, wall: f32) -> f32 {
        let size = self.placement.radius;
        match self.form {
            Form::Inflammation { raggedness } => {
                let local = self.local(point);
                let ragged = fractal_noise(local * 1.7, 3, self.seed);
                1.0 + raggedness * 1.3 * ragged - local.length()
            }
            _ => (wall - self.distance(point)) / size,
        }
    }

    /// The material of the wall at a point that lies `depth` radii inside the outline (negative outside). `mucosa` is the
    /// colour of the healthy mucosa at this point.
    pub fn material(&self, point: Vec3, depth: f32, mucosa: Vec3) -> Material {
        let look = &self.appearance;
        let local = self.local(point);
        let tinted = mucosa.scale(look.tint);
        // The brightness is that of the wall times a factor, so the contrast comes from the hue.
        let second = look.second * (look.brightness * mucosa.luminance() / look.second.luminance());
        let (albedo, gloss, translucency, softness) = match &self.form {
            Form::Polyp { .. } => {
                // Gyri of the head, and the redness of its top.
                let furrow = smoothstep(0.22, 0.0, fractal_noise(local * 3.4, 2, self.seed).abs());
                let cap = smoothstep(0.2, 1.0, local.z) * look.pattern;
                let albedo = tinted
                    .lerp(second, 0.6 * cap)
                    .scale(Vec3::splat(1.0).lerp(vec3(0.85, 0.6, 0.6), look.pattern * furrow));
                (albedo, 1.1, 0.1, 0.12)
            }
            Form::Tumor { crater, crater_radius, .. } => {
                let grain = 1.4 * fractal_noise(local * 3.6, 3, self.seed ^ 7);
                let haemorrhage = smoothstep(0.15, 0.5, grain) * look.pattern;
                let mass = tinted.scale(Vec3::splat(1.0).lerp(vec3(0.7, 0.35, 0.35), haemorrhage));
                let to_crater = (local - *crater).length() - crater_radius + 0.2 * grain;
                let ulcer = smoothstep(0.22, -0.02, to_crater);
                (mass.lerp(second * (0.9 + 0.5 * grain), 0.85 * ulcer), 0.7, 0.0, 0.12)
            }
            Form::Inflammation { .. } => {
                let mottle = fractal_noise(local * 5.0, 3, self.seed ^ 3);
                let patches = smoothstep(-0.35, 0.25, mottle);
                let petechiae = smoothstep(0.38, 0.6, value_noise(local * 11.0, self.seed ^ 4).0);
                let erosion = smoothstep(0.45, 0.6, fractal_noise(local * 2.6, 2, self.seed ^ 5));
                let albedo = mucosa
                    .lerp(tinted, 0.55 + 0.45 * patches)
                    .scale(Vec3::splat(1.0).lerp(vec3(0.75, 0.3, 0.3), look.pattern * petechiae))
                    .lerp(second, 0.6 * look.pattern * erosion);
                (albedo, 1.25, 0.0, 0.35)
            }
            Form::Nodule { .. } => {
                let cap = smoothstep(0.02, 0.3, depth);
                let rim = smoothstep(0.2, 0.0, depth.abs());
                let halo = tinted.scale(Vec3::splat(1.0).lerp(vec3(0.95, 0.68, 0.66), rim));
                (halo.lerp(second, cap * look.pattern), 0.9, 0.05, 0.14)
            }
            Form::Cyst { .. } => {
                let content = mucosa.lerp(second, 0.35 + 0.5 * look.pattern);
                let threads = value_noise(local * 3.0, self.seed ^ 9).0.abs();
                let skin = smoothstep(0.07, 0.0, threads) * 0.35;
                (content.scale(Vec3::splat(1.0).lerp(vec3(0.8, 0.45, 0.45), skin)), 1.8, 0.75, 0.05)
            }
        };
        // The colour has half its contrast exactly at the border of the mask.
        let cover = smoothstep(-softness, softness, depth);
        Material {
            albedo: mucosa.lerp(albedo, cover * look.contrast),
            gloss: 1.0 + (gloss - 1.0) * cover,
            translucency: translucency * cover,
        }
    }

    /// A point in the lesion's own frame, in radii.
    fn local(&self, point: Vec3) -> Vec3 {
        let offset = (point - self.placement.anchor) * (1.0 / self.placement.radius);
        let (first, second) = self.tangents;
        vec3(offset.dot(first), offset.dot(second), offset.dot(self.placement.normal))
    }
}

impl Form {
    /// Radius of a sphere around the anchor that contains the shape, its fillets and its roughness.
    fn reach(&self) -> f32 {
        let farthest = |spheres: &[(Vec3, f32)]| {
            spheres.iter().fold(0.0, |far: f32, (centre, radius)| far.max(centre.length() + radius))
        };
        0.12 + match self {
            Self::Polyp { parts } => parts.iter().fold(0.0, |far: f32, (centre, axes)| {
                far.max(centre.length() + axes.x.max(axes.y).max(axes.z))
            }),
            Self::Tumor { lobes, .. } => farthest(lobes),
            Self::Nodule { bumps } => farthest(bumps),
            Self::Inflammation { .. } | Self::Cyst { .. } => 1.0,
        }
    }

    fn polyp(random: &mut Random) -> Self {
        let slant = vec3(random.range(-0.35, 0.35), random.range(-0.35, 0.35), 0.0);
        let oblong = random.range(0.72, 1.0);
        let parts = if random.chance(0.35) {
            let head = slant + vec3(0.0, 0.0, random.range(0.85, 1.15));
            vec![
                (head, vec3(0.82, 0.82 * oblong, 0.72)),
                (slant * 0.5 + vec3(0.0, 0.0, 0.35), vec3(0.34, 0.34, 0.7)),
            ]
        } else {
            let height = random.range(0.4, 0.8);
            let mut parts = vec![(vec3(0.0, 0.0, 0.1), vec3(1.0, oblong, height))];
            if random.chance(0.4) {
                let lobe = slant + vec3(0.45, 0.0, 0.45);
                parts.push((lobe, Vec3::splat(random.range(0.35, 0.55))));
            }
            parts
        };
        Self::Polyp { parts }
    }

    fn tumor(random: &mut Random) -> Self {
        let count = 6 + random.below(5);
        let turn = random.angle();
        let lobes = (0..count)
            .map(|lobe| {
                let angle = turn + lobe as f32 * 2.4 + random.range(-0.3, 0.3);
                let reach = random.range(0.35, 0.85);
                let centre =
                    vec3(reach * angle.cos(), reach * angle.sin(), random.range(-0.1, 0.2));
                (centre, random.range(0.32, 0.5))
            })
            .collect();
        let crater = vec3(random.range(-0.2, 0.2), random.range(-0.2, 0.2), 0.55);
        Self::Tumor { lobes, crater, crater_radius: random.range(0.28, 0.5) }
    }

    fn nodule(random: &mut Random) -> Self {
        let count = 1 + random.below(4);
        let turn = random.angle();
        let bumps = (0..count)
            .map(|bump| {
                if count == 1 {
                    return (vec3(0.0, 0.0, -0.3), 1.0);
                }
                let angle = turn + bump as f32 * std::f32::consts::TAU / count as f32;
                let reach = random.range(0.5, 0.7);
                let centre = vec3(reach * angle.cos(), reach * angle.sin(), -0.24);
                (centre, random.range(0.42, 0.6))
            })
            .collect();
        Self::Nodule { bumps }
    }
}

impl Appearance {
    fn new(form: &Form, random: &mut Random) -> Self {
        // Only the colour shows a lesion without relief.
        let flat = matches!(form, Form::Inflammation { .. });
        let faintest = if flat { 0.75 } else { 0.5 };
        let (tint, second) = match form {
            Form::Polyp { .. } => (
                vec3(random.range(0.85, 1.1), random.range(0.5, 0.95), random.range(0.5, 0.95)),
                if random.chance(0.6) { vec3(0.75, 0.26, 0.22) } else { vec3(0.88, 0.68, 0.58) },
            ),
            Form::Tumor { .. } => (
                vec3(random.range(0.55, 0.9), random.range(0.35, 0.7), random.range(0.35, 0.75)),
                if random.chance(0.6) { vec3(0.80, 0.70, 0.46) } else { vec3(0.30, 0.07, 0.06) },
            ),
            Form::Inflammation { .. } => (
                vec3(random.range(0.8, 1.0), random.range(0.3, 0.55), random.range(0.3, 0.6)),
                vec3(0.86, 0.74, 0.58),
            ),
            Form::Nodule { .. } => (
                vec3(1.0, random.range(0.8, 1.0), random.range(0.8, 1.0)),
                vec3(0.92, random.range(0.62, 0.82), random.range(0.5, 0.72)),
            ),
            Form::Cyst { .. } => (
                Vec3::splat(1.0),
                if random.chance(0.65) {
                    vec3(0.88, 0.72, random.range(0.28, 0.5))
                } else {
                    vec3(0.50, 0.50, random.range(0.52, 0.66))
                },
            ),
        };
        Self {
            contrast: random.range(faintest, 1.0),
            tint,
            second,
            brightness: random.range(0.8, 1.35),
            pattern: random.range(0.25, 0.9),
        }
    }
}

/// Two tangents turned by an angle in their plane.
fn rotated((first, second): (Vec3, Vec3), angle: f32) -> (Vec3, Vec3) {
    let (c, s) = (angle.cos(), angle.sin());
    (first * c + second * s, second * c - first * s)
}

/// A lower bound of the distance to a spheroid at the origin.
fn spheroid(point: Vec3, axes: Vec3) -> f32 {
    let scaled = vec3(point.x / axes.x, point.y / axes.y, point.z / axes.z).length();
    (scaled - 1.0) * axes.x.min(axes.y).min(axes.z)
}

/// Distance to the smooth union of spheres.
fn union_of_spheres(point: Vec3, spheres: &[(Vec3, f32)], blend: f32) -> f32 {
    spheres.iter().fold(f32::INFINITY, |nearest, (centre, radius)| {
        smooth_minimum(nearest, (point - *centre).length() - radius, blend)
    })
}
