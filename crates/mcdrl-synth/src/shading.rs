//! Light from the tip of the endoscope, reflected by the wall.

use crate::camera::Pose;
use crate::confounders::interference::Interference;
use crate::lesion::Material;
use crate::mucosa::Mucosa;
use crate::scene::{Hit, Scene};
use crate::vector::{Vec3, smoothstep};

/// The wall of one frame with its lining and its cover.
#[derive(Clone, Copy, Debug)]
pub struct Wall<'a> {
    /// Shape of the wall and of the lesion on it.
    pub scene: &'a Scene,
    /// Its lining.
    pub mucosa: &'a Mucosa,
    /// Mucus, blood and reflections on it.
    pub interference: &'a Interference,
}

/// Linear light from a visible point of the wall, and the depth of that point in the lesion.
#[derive(Clone, Copy, Debug)]
pub struct Shaded {
    /// Linear RGB under a neutral source.
    pub light: Vec3,
    /// Radii inside the lesion's outline; negative outside.
    pub depth_inside_lesion: f32,
}

impl Wall<'_> {
    /// The light that the point at the end of a ray sends to the camera.
    pub fn shade(&self, pose: &Pose, ray: Vec3, hit: Hit) -> Shaded {
        let depth = self.scene.depth_inside_lesion(hit.point);
        let material = self.material(hit.point, depth);

        let smooth = self.scene.normal(hit.point);
        let relief = self.mucosa.relief(hit.point);
        let normal = tilted(smooth, relief);
        let to_light = pose.light_guide() - hit.point;
        let distance = to_light.length();
        let towards_light = to_light * (1.0 / distance.max(1e-4));

        // Light scatters below the surface. So it reaches a little past the terminator, red light the furthest.
        let cosine = normal.dot(towards_light);
        let diffuse =
            Vec3 { x: wrapped(cosine, 0.30), y: wrapped(cosine, 0.14), z: wrapped(cosine, 0.12) };
        let beam = smoothstep(-0.2, 0.9, pose.axial(ray));
        let irradiance = beam / (0.10 + distance * distance);
        // Light that the opposite wall has reflected: twice coloured by mucosa.
        let base = self.mucosa.base();
        let glow = base.scale(base) * (0.10 / (1.0 + distance * distance));

        let facing = -normal.dot(ray);
        let rim = (1.0 - facing.clamp(0.0, 1.0)).powi(2) * material.translucency;
        let matte = material.albedo.scale(diffuse * irradiance + glow)
            + material.albedo * (irradiance * 0.75 * rim);

        let half = (towards_light - ray).normalized();
        let alignment = normal.dot(half);
        // At a greater angle, no film tilts the normal far enough for a glint.
        let gleam = if alignment > 0.75 {
            let (wet, threshold) = self.interference.wetness(hit.point);
            smoothstep(threshold, threshold + 0.009, tilted(normal, wet).dot(half))
        } else {
            0.0
        };
        let sheen = 0.04 * alignment.max(0.0).powi(24);
        // A mirror image of the source fades more slowly with distance than scattered light.
        let glint = material.gloss * (2.6 * gleam * gleam + sheen) * beam / (0.25 + 0.8 * distance);
        Shaded { light: matte + Vec3::splat(glint), depth_inside_lesion: depth }
    }

    fn material(&self, point: Vec3, depth: f32) -> Material {
        let mucosa = self.mucosa.albedo(point, self.scene.anatomy.unroll(point));
        let material = match &self.scene.lesion {
            // The colour of a lesion ends a little outside its outline.
            Some(lesion) if depth > -0.5 => {
                // Lesions hide the vascular pattern of the mucosa they grow from.
                let hidden = 0.65 * smoothstep(-0.05, 0.3, depth);
                lesion.material(point, depth, mucosa.lerp(self.mucosa.base(), hidden))
            }
            _ => Material { albedo: mucosa, gloss: 1.0, translucency: 0.0 },
        };
        self.interference.coat(point, material)
    }
}

/// A unit normal tilted by the part of a slope that lies in the surface.
fn tilted(normal: Vec3, slope: Vec3) -> Vec3 {
    let tangential = slope - normal * normal.dot(slope);
    (normal - tangential).normalized()
}

/// Lambert's cosine with light that wraps around the terminator.
fn wrapped(cosine: f32, wrap: f32) -> f32 {
    ((cosine + wrap) / (1.0 + wrap)).max(0.0)
}
