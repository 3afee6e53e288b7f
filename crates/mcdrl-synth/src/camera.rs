//! The endoscope's camera: its pose, its aperture and its response to light.

use crate::random::Random;
use crate::vector::{Vec3, smoothstep, vec3};

/// Position and orientation of the camera in the organ.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Position of the lens.
    pub origin: Vec3,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    /// Angle between the axis and the middle of an image side.
    half_view: f32,
}

impl Pose {
    /// Draws a pose for the strengths of the two distance confounders.
    ///
    /// `near` moves the lens to a wall, turns it to the wall and magnifies. `far` turns it along the lumen.
    pub fn new(random: &mut Random, near: f32, far: f32) -> Self {
        let side = random.angle();
        let offset = random.range(0.0, 0.3) * (1.0 - far) + near * random.range(0.2, 0.32);
        let turned =
            if random.chance(0.5) { random.range(0.55, 1.25) } else { random.range(0.0, 0.5) };
        let tilt = turned * (1.0 - 0.8 * far) + near * random.range(0.2, 0.6);
        let towards = side + random.range(-0.8, 0.8);
        let roll = random.angle();
        let half_view = random.range(0.95, 1.12) * (1.0 - 0.28 * near) * (1.0 + 0.08 * far);

        let (c, s) = (tilt.cos(), tilt.sin());
        let forward = vec3(towards.cos() * s, towards.sin() * s, c);
        let (first, second) = forward.tangents();
        let (rc, rs) = (roll.cos(), roll.sin());
        Self {
            origin: vec3(offset * side.cos(), offset * side.sin(), 0.0),
            right: first * rc + second * rs,
            up: second * rc - first * rs,
            forward,
            half_view,
        }
    }

    /// Unit direction of the ray through an image position, both coordinates in `[-1, 1]`, y down.
    pub fn ray(&self, x: f32, y: f32) -> Vec3 {
        let radius = (x * x + y * y).sqrt().max(1e-6);
        // Equidistant projection, the barrel distortion of wide endoscope optics.
        let angle = radius * self.half_view;
        let sideways = (self.right * x - self.up * y) * (1.0 / radius);
        self.forward * angle.cos() + sideways * angle.sin()
    }

    /// The radius, at a distance, of a disc that covers the share `area` of a square image.
    pub fn radius_of_area(&self, area: f32, distance: f32) -> f32 {
        let image_radius = (4.0 * area / std::f32::consts::PI).sqrt();
        distance * (image_radius * self.half_view).min(1.2).tan()
    }

    /// Cosine between the axis and a ray.
    pub fn axial(&self, ray: Vec3) -> f32 {
        self.forward.dot(ray)
    }

    /// The direction in the organ that is up in the image.
    pub fn up(&self) -> Vec3 {
        self.up
    }

    /// Position of the light guide at the tip of the endoscope, beside the lens.
    pub fn light_guide(&self) -> Vec3 {
        self.origin + self.right * 0.06 + self.up * 0.03
    }
}

/// The part of the image that the optics fill. The rest is black.
#[derive(Clone, Copy, Debug)]
pub enum Aperture {
    /// The whole image.
    Full,
    /// A square with cut corners: half its side, and the distance of the cuts from the centre.
    Octagon { half: f32, cut: f32 },
    /// A disc.
    Circle { radius: f32 },
    /// A rectangle with round corners.
    Rounded { half_width: f32, half_height: f32, corner: f32 },
}

impl Aperture {
    /// Distance of an image position from the edge of the aperture; positive inside.
    pub fn depth(&self, x: f32, y: f32) -> f32 {
        match *self {
            Self::Full => 1.0,
            Self::Octagon { half, cut } => {
                let diagonal = (x.abs() + y.abs()) * std::f32::consts::FRAC_1_SQRT_2;
                (half - x.abs().max(y.abs())).min(cut - diagonal)
            }
            Self::Circle { radius } => radius - (x * x + y * y).sqrt(),
            Self::Rounded { half_width, half_height, corner } => {
                let dx = x.abs() - half_width + corner;
                let dy = y.abs() - half_height + corner;
                let outside = (dx.max(0.0).powi(2) + dy.max(0.0).powi(2)).sqrt();
                corner - outside - dx.max(dy).min(0.0)
            }
        }
    }
}

/// The response of a site's video processor: light → the image on the monitor.
#[derive(Clone, Copy, Debug)]
pub struct CameraResponse {
    /// Gain of each channel.
    pub white_balance: Vec3,
    /// Gamma of the display curve: values are raised to the power of 1 / gamma.
    pub gamma: f32,
    /// 1 keeps the colours, 0 is grey.
    pub saturation: f32,
    /// 1 is neutral.
    pub contrast: f32,
    /// Target brightness of the automatic exposure.
    pub exposure: f32,
    /// Loss of light in the corners.
    pub vignette: f32,
    /// Standard deviation of the sensor's noise, relative to a full scale of 1.
    pub noise: f32,
    /// Strength of the compression of stored images, in `[0, 1]`.
    pub compression: f32,
    /// The visible part of the image.
    pub aperture: Aperture,
}

impl CameraResponse {
    /// The displayed value, in `[0, 1]`, of exposed linear light at an image position.
    pub fn develop(&self, light: Vec3, x: f32, y: f32) -> Vec3 {
        let corner = 1.0 - self.vignette * 0.5 * (x * x + y * y);
        let balanced = light.scale(self.white_balance) * corner.max(0.0);
        // A shoulder per channel: overexposed mucosa fades from pink to white, as on a sensor.
        let shoulder = |v: f32| 1.0 - (-v.max(0.0)).exp();
        let faded = balanced.map(shoulder);
        // Video processors partly keep the hue: half of the compression depends only on luminance.
        let luminance = balanced.luminance();
        let kept = balanced * (shoulder(luminance) / luminance.max(1e-4));
        let display = faded.lerp(kept, 0.5).map(|v| v.clamp(0.0, 1.0).powf(1.0 / self.gamma));
        let contrasted = display.map(|v| {
            let curved = smoothstep(0.0, 1.0, v);
            v + (curved - v) * (self.contrast - 1.0)
        });
        let grey = Vec3::splat(contrasted.luminance());
        let edge = smoothstep(0.0, 0.02, self.aperture.depth(x, y));
        (grey.lerp(contrasted, self.saturation) * edge).map(|v| v.clamp(0.0, 1.0))
    }
}
