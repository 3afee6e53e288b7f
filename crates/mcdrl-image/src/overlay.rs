//! Masks drawn over their images.

use crate::{Image, Mask, class_color};

/// The opacity of a tint that leaves the image visible.
pub const TINT: f32 = 0.25;

/// Draws the classes of a mask over an image of the same size: a tint of the given opacity (0..1) and an outline.
pub fn overlay(image: &Image, mask: &Mask, opacity: f32) -> Image {
    let (width, height) = (image.width(), image.height());
    let classes = mask.classes();
    let mut pixels = image.pixels().to_vec();
    // A wider outline stays visible on large images.
    let reach = (width.max(height) / 256).max(1);
    for y in 0..height {
        for x in 0..width {
            let class = classes[y * width + x];
            if class == 0 {
                continue;
            }
            let edge = [(reach, 0), (0, reach)].iter().any(|(dx, dy)| {
                let differs = |x: usize, y: usize| classes[y * width + x] != class;
                x < *dx
                    || y < *dy
                    || x + dx >= width
                    || y + dy >= height
                    || differs(x - dx, y - dy)
                    || differs(x + dx, y + dy)
            });
            let share = if edge { 1.0 } else { opacity };
            let color = class_color(class);
            let pixel = &mut pixels[(y * width + x) * 3..][..3];
            for (value, color) in pixel.iter_mut().zip(color) {
                let mixed = f32::from(*value) * (1.0 - share) + f32::from(color) * share;
                *value = mixed.round() as u8;
            }
        }
    }
    Image::from_rgb(width, height, pixels).expect("as many pixels as the image had")
}
