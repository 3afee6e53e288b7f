//! The map of candidate regions, drawn over its image.

use mcdrl_image::{Bounds, Image};
use mcdrl_runtime::Segmentation;

/// Draws the region map over an image. Dropped positions are dark, and so is what is around the picture. The more a position resembles
/// a lesion, the warmer its colour.
pub fn region_overlay(image: &Image, segmentation: &Segmentation) -> Image {
    let regions = &segmentation.regions;
    let (width, height) = (image.width(), image.height());
    let Bounds { left, top, width: across, height: down } = segmentation.area;
    let mask = &segmentation.mask;
    // The row or column of the grid at a pixel of the image, which may be scaled.
    let cell = |at: usize, length: usize, full: usize, start: u32, part: u32, cells: usize| {
        let from_start = (at * full / length).checked_sub(start as usize)?;
        Some(from_start * cells / part as usize).filter(|cell| *cell < cells)
    };
    let low = regions.similarity.iter().copied().fold(f32::INFINITY, f32::min);
    let high = regions.similarity.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for (index, pixel) in image.pixels().chunks_exact(3).enumerate() {
        let row = cell(index / width, height, mask.height(), top, down, regions.rows);
        let column = cell(index % width, width, mask.width(), left, across, regions.columns);
        let at = row.zip(column).map(|(row, column)| row * regions.columns + column);
        let grey = pixel.iter().map(|v| f32::from(*v)).sum::<f32>() / 3.0;
        let color = match at.filter(|at| regions.retained[*at]) {
            Some(at) => {
                let warmth = (regions.similarity[at] - low) / (high - low).max(1e-6);
                [255.0 * warmth, 110.0 + 60.0 * warmth, 140.0 * (1.0 - warmth)]
            }
            None => [0.0, 0.0, 30.0],
        };
        pixels.extend(color.map(|color| (0.55 * grey + 0.45 * color).min(255.0) as u8));
    }
    Image::from_rgb(width, height, pixels).expect("as many pixels as the image had")
}
