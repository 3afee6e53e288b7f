//! The placement of a lesion: on visible wall, with a size that suits the view.

use crate::camera::{Aperture, Pose};
use crate::confounders::{Confounder, FrameFactors};
use crate::lesion::{Lesion, Placement};
use crate::random::{Random, Stream};
use crate::scene::Scene;
use crate::vector::Vec3;

/// The number of candidate places.
const CANDIDATES: usize = 12;
/// Largest radius of a lesion; a larger one would close the lumen.
const LARGEST: f32 = 0.52;
/// Smallest share of the frame that a lesion must cover.
const SMALLEST_AREA: f32 = 0.012;
/// Largest share of the frame that a lesion may cover. A larger lesion hides its surroundings.
const LARGEST_AREA: f32 = 0.4;
/// Side of the grid of rays with which the visible area is measured.
const PROBE: usize = 26;

/// Puts a lesion of a class on the wall of a scene and sizes it by its visible share of the frame.
///
/// Returns `None` if no place shows enough of it. This is very rare in a wide lumen.
pub fn place_lesion(
    scene: &Scene,
    pose: &Pose,
    aperture: &Aperture,
    class: usize,
    factors: &FrameFactors,
    (seed, site, index): (u64, usize, usize),
) -> Option<Lesion> {
    let mut random = Random::new(seed, site, index, Stream::Placement);
    let near = factors.strength(Confounder::Near);
    let far = factors.strength(Confounder::Far);
    let area = (random.log_range(0.03, 0.13) * (1.0 + 0.9 * near) * (1.0 - 0.68 * far))
        .max(1.5 * SMALLEST_AREA);
    for _ in 0..6 {
        let placement = best_placement(scene, pose, aperture, area, (near, far), &mut random)?;
        let lesion =
            Lesion::new(class, placement, &mut Random::new(seed, site, index, Stream::Lesion));
        if let Some(lesion) = sized(scene, pose, aperture, lesion, area) {
            return Some(lesion);
        }
    }
    None
}

/// The most suitable of several random points of the visible wall.
fn best_placement(
    scene: &Scene,
    pose: &Pose,
    aperture: &Aperture,
    area: f32,
    (near, far): (f32, f32),
    random: &mut Random,
) -> Option<Placement> {
    let mut best: Option<(f32, Placement)> = None;
    for _ in 0..CANDIDATES {
        let (x, y) = (random.range(-0.75, 0.75), random.range(-0.75, 0.75));
        let taste = random.unit();
        if aperture.depth(x, y) < 0.12 {
            continue;
        }
        let ray = pose.ray(x, y);
        let Some(hit) = scene.cast(pose.origin, ray, 0.0) else { continue };
        let normal = scene.normal(hit.point);
        let facing = -normal.dot(ray);
        let radius = pose.radius_of_area(area, hit.distance) / facing.max(0.4).sqrt();
        // A lesion beyond these limits would be smaller than requested, or in the dark.
        let excess = (radius / LARGEST - 1.0).max(0.0) + (hit.distance - 3.0).max(0.0);
        let eccentricity = (x * x + y * y).sqrt();
        let score = taste + 0.6 * facing - 0.9 * eccentricity - 3.0 * excess
            + 0.25 * (far - near) * hit.distance;
        if best.is_none_or(|(highest, _)| score > highest) {
            let radius = radius.clamp(0.05, LARGEST);
            best = Some((score, Placement { anchor: hit.point, normal, radius }));
        }
    }
    best.map(|(_, placement)| placement)
}

/// Resizes a lesion until it covers about `area` of the frame. `None` if it covers too little or too much.
fn sized(
    scene: &Scene,
    pose: &Pose,
    aperture: &Aperture,
    mut lesion: Lesion,
    area: f32,
) -> Option<Lesion> {
    for _ in 0..4 {
        let candidate = Scene { anatomy: scene.anatomy.clone(), lesion: Some(lesion.clone()) };
        let visible = visible_area(&candidate, pose, aperture);
        if visible > 0.6 * area && visible < 1.7 * area {
            return Some(lesion);
        }
        let correction = (area / visible.max(1e-4)).sqrt().clamp(0.6, 1.7);
        lesion = lesion.placed((lesion.radius() * correction).clamp(0.05, LARGEST));
        if lesion.radius() == LARGEST && correction > 1.0 {
            break;
        }
    }
    let last = Scene { anatomy: scene.anatomy.clone(), lesion: Some(lesion) };
    let visible = visible_area(&last, pose, aperture);
    if (SMALLEST_AREA..LARGEST_AREA).contains(&visible) { last.lesion } else { None }
}

/// The share of the frame that shows the scene's lesion, measured on a coarse grid.
fn visible_area(scene: &Scene, pose: &Pose, aperture: &Aperture) -> f32 {
    let Some(lesion) = &scene.lesion else { return 0.0 };
    let (to_lesion, reach) = (lesion.anchor() - pose.origin, 2.2 * lesion.radius());
    let mut seen = 0;
    for row in 0..PROBE {
        for column in 0..PROBE {
            let x = 2.0 * (column as f32 + 0.5) / PROBE as f32 - 1.0;
            let y = 2.0 * (row as f32 + 0.5) / PROBE as f32 - 1.0;
            let ray = pose.ray(x, y);
            if aperture.depth(x, y) > 0.0 && passes(to_lesion, ray, reach) {
                let hit = scene.cast(pose.origin, ray, 0.0);
                seen += usize::from(hit.is_some_and(|h| scene.depth_inside_lesion(h.point) > 0.0));
            }
        }
    }
    seen as f32 / (PROBE * PROBE) as f32
}

/// Whether a ray comes within `reach` of a point.
fn passes(to_point: Vec3, ray: Vec3, reach: f32) -> bool {
    let along = to_point.dot(ray).max(0.0);
    (to_point - ray * along).length() < reach
}
