//! The map of candidate regions, drawn over its image.

use mcdrl_image::Image;
use mcdrl_runtime::RegionMap;

/// Draws the region map over an image. Dropped positions are dark. The more a position resembles a lesion, the warmer its
/// colour.
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
        let color = if regions.retained[at] {
            [255.0 * warmth, 110.0 + 60.0 * warmth, 140.0 * (1.0 - warmth)]
        } else {
            [0.0, 0.0, 30.0]
        };
        pixels.extend(color.map(|color| (0.55 * grey + 0.45 * color).min(255.0) as u8));
    }
    Image::from_rgb(width, height, pixels).expect("as many pixels as the image had")
}
