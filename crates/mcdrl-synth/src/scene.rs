//! The organ with its lesion, and the rays that meet it.

use crate::anatomy::{Anatomy, smooth_minimum};
use crate::lesion::Lesion;
use crate::vector::{Vec3, vec3};

/// The largest distance from which light returns.
const FARTHEST: f32 = 8.0;
/// The most steps of a march. A ray with more steps grazes a surface, and the march ends there.
const STEPS: usize = 72;

/// The ray has arrived if the gap is below this share of the distance, which is far below a pixel.
const CLOSE: f32 = 0.0015;

/// The geometry of one frame.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The wall of the organ.
    pub anatomy: Anatomy,
    /// The lesion on it, if any.
    pub lesion: Option<Lesion>,
}

/// A point of the surface that a ray met.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// The point.
    pub point: Vec3,
    /// The distance from the start of the ray.
    pub distance: f32,
}

impl Scene {
    /// The first surface point along a ray of unit direction. `None` if the ray ends in the depth of the lumen.
    ///
    /// `clear` is a distance within which the ray meets no surface. 0 is always valid.
    pub fn cast(&self, origin: Vec3, direction: Vec3, clear: f32) -> Option<Hit> {
        let (mut before, mut travelled) = (clear, clear.max(0.02));
        for _ in 0..STEPS {
            let gap = self.distance(origin + direction * travelled);
            if gap < CLOSE * travelled {
                if gap < 0.0 {
                    travelled = self.bisect(origin, direction, before, travelled);
                }
                return Some(Hit { point: origin + direction * travelled, distance: travelled });
            }
            before = travelled;
            // Slopes of folds make the distance an overestimate, so a step is shortened. It has a minimum, so the march
            // always advances. Bisection corrects overshooting.
            travelled += (0.8 * gap).max(0.004 + 0.002 * travelled);
            if travelled > FARTHEST {
                return None;
            }
        }
        Some(Hit { point: origin + direction * travelled, distance: travelled })
    }

    /// The distance within which all rays within an angle `spread` (in radians) of a direction meet no surface.
    pub fn clear_distance(&self, origin: Vec3, direction: Vec3, spread: f32) -> f32 {
        let mut travelled = 0.02;
        for _ in 0..STEPS {
            // The distance across the lumen is larger than that to a steep fold.
            let free = 0.4 * self.distance(origin + direction * travelled) - spread * travelled;
            if free < 0.01 || travelled > FARTHEST {
                break;
            }
            travelled += free;
        }
        travelled
    }

    /// Unit normal of the surface at a point, into the lumen.
    pub fn normal(&self, point: Vec3) -> Vec3 {
        let step = 2e-3;
        // Four taps at the corners of a tetrahedron give the gradient with the fewest evaluations.
        let corners = [
            vec3(1.0, -1.0, -1.0),
            vec3(-1.0, -1.0, 1.0),
            vec3(-1.0, 1.0, -1.0),
            vec3(1.0, 1.0, 1.0),
        ];
        corners
            .into_iter()
            .fold(Vec3::default(), |sum, corner| {
                sum + corner * self.distance(point + corner * step)
            })
            .normalized()
    }

    /// Depth of a surface point inside the lesion's outline, in radii of the lesion. Negative infinity without a lesion.
    pub fn depth_inside_lesion(&self, point: Vec3) -> f32 {
        self.lesion.as_ref().map_or(f32::NEG_INFINITY, |lesion| {
            lesion.depth_inside(point, self.anatomy.distance(point))
        })
    }

    /// Distance from a point of the lumen to the nearest surface; negative behind it.
    fn distance(&self, point: Vec3) -> f32 {
        let wall = self.anatomy.distance(point);
        self.lesion.as_ref().map_or(wall, |lesion| {
            let distance = lesion.distance(point);
            if distance.is_finite() { smooth_minimum(wall, distance, lesion.blend()) } else { wall }
        })
    }

    /// The surface between a point in the lumen and one behind the wall.
    fn bisect(&self, origin: Vec3, direction: Vec3, mut free: f32, mut behind: f32) -> f32 {
        for _ in 0..4 {
            let middle = 0.5 * (free + behind);
            if self.distance(origin + direction * middle) < 0.0 {
                behind = middle;
            } else {
                free = middle;
            }
        }
        0.5 * (free + behind)
    }
}
