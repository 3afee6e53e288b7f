//! Imaging technology: narrow-band and white light.

use crate::vector::{Vec3, vec3};

/// The light that the video processor receives. `light` is the reflection of a neutral source.
///
/// Narrow-band imaging lights the wall only at 415 nm and 540 nm, where haemoglobin absorbs. It
/// shows 540 nm as red and 415 nm as green and blue: mucosa becomes grey-green, vessels and blood
/// dark brown. White light has the warm cast of a xenon lamp, in proportion to its strength.
pub fn illuminated(light: Vec3, narrow_band: f32, white_light: f32) -> Vec3 {
    let warm = Vec3::splat(1.0).lerp(vec3(1.08, 1.0, 0.84), white_light);
    let green = 0.85 * light.y + 0.15 * light.x;
    let blue = 0.8 * light.z + 0.2 * light.y;
    let narrow = vec3(green, 1.95 * blue, 1.5 * blue);
    // Video processors amplify the little colour that two bands leave.
    let grey = Vec3::splat(narrow.luminance());
    let narrow = grey.lerp(narrow, 1.5).map(|v| v.max(0.0));
    light.scale(warm).lerp(narrow, narrow_band)
}
