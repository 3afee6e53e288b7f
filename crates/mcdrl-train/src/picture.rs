//! Pictures of segmentations: outlines, overlays, region maps.

use mcdrl_model::{Image, Mask, RegionMap};

/// One colour a class (RGB), told apart with any kind of colour vision (Okabe and Ito 2008).
const CLASS_COLOURS: [[u8; 3]; 6] = [
    [0, 200, 150],
    [240, 228, 66],
    [86, 180, 233],
    [230, 120, 220],
    [255, 150, 40],
    [255, 255, 255],
];

/// The colour of class `index`, from one.
pub fn class_colour(index: usize) -> [u8; 3] {
    CLASS_COLOURS[index.saturating_sub(1) % CLASS_COLOURS.len()]
}

/// The image with the classes of a mask of the same size drawn over it: a tint and an outline.
pub fn overlay(image: &Image, mask: &Mask, opacity: f32) -> Image {
    let (width, height) = (image.width(), image.height());
    let classes = mask.classes();
    let mut pixels = image.pixels().to_vec();
    // A line that is seen on large images too.
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
            let colour = class_colour(usize::from(class));
            let pixel = &mut pixels[(y * width + x) * 3..][..3];
            for (value, colour) in pixel.iter_mut().zip(colour) {
                let mixed = f32::from(*value) * (1.0 - share) + f32::from(colour) * share;
                *value = mixed.round() as u8;
            }
        }
    }
    Image::from_rgb(width, height, pixels).expect("as many pixels as the image had")
}

/// The region map over the image: what was not retained is dimmed, and the more a position is like a lesion the
/// warmer it is.
pub fn region_overlay(image: &Image, regions: &RegionMap) -> Image {
    let (width, height) = (image.width(), image.height());
    let low = regions.similarity.iter().copied().fold(f32::INFINITY, f32::min);
    let high = regions.similarity.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for (index, pixel) in image.pixels().chunks_exact(3).enumerate() {
        let row = (index / width) * regions.rows / height;
        let column = (index % width) * regions.columns / width;
        let at = row * regions.columns + column;
        let warmth = (regions.similarity[at] - low) / (high - low).max(1e-6);
        let grey = pixel.iter().map(|v| f32::from(*v)).sum::<f32>() / 3.0;
        let colour = if regions.retained[at] {
            [255.0 * warmth, 110.0 + 60.0 * warmth, 140.0 * (1.0 - warmth)]
        } else {
            [0.0, 0.0, 30.0]
        };
        pixels.extend(colour.map(|colour| (0.55 * grey + 0.45 * colour).min(255.0) as u8));
    }
    Image::from_rgb(width, height, pixels).expect("as many pixels as the image had")
}
