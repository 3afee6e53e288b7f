//! The probabilities of tiles and of the whole image become one map.

use mcdrl_image::Bounds;

use crate::grid_map::GridMap;

/// The probabilities of one tile.
pub struct TileMap {
    /// Where the tile lies, in pixels of the image.
    pub tile: Bounds,
    /// Its class probabilities.
    pub probabilities: GridMap,
}

/// The mean of the whole image's probabilities and of its tiles', at the resolution of the tiles. Where tiles overlap, the one whose middle is
/// nearer counts more, so that no seam is left.
///
/// - `area`: the part of the image that `whole` shows
pub fn blend(whole: &GridMap, area: Bounds, tiles: &[TileMap]) -> GridMap {
    let Some(first) = tiles.first() else { return whole.clone() };
    // Positions for a pixel. More than one would only be interpolated.
    let scale = (first.probabilities.columns as f32 / first.tile.width as f32).min(1.0);
    let scaled = |pixels: u32| ((pixels as f32 * scale).round() as usize).max(1);
    let (rows, columns) = (scaled(area.height), scaled(area.width));
    let (channels, positions) = (whole.channels, rows * columns);
    let (mut sums, mut weights) = (vec![0.0; channels * positions], vec![0.0; positions]);
    for TileMap { tile, probabilities } in tiles {
        let (top, left) =
            (scaled_start(tile.top - area.top, scale), scaled_start(tile.left - area.left, scale));
        let (height, width) =
            (scaled(tile.height).min(rows - top), scaled(tile.width).min(columns - left));
        let mut at = 0;
        probabilities.upsample(width, height, |values| {
            let (row, column) = (at / width, at % width);
            let weight = tent(row, height) * tent(column, width);
            let position = (top + row) * columns + left + column;
            weights[position] += weight;
            for (channel, value) in values.iter().enumerate() {
                sums[channel * positions + position] += weight * value;
            }
            at += 1;
        });
    }
    let mut position = 0;
    whole.upsample(columns, rows, |values| {
        for (channel, value) in values.iter().enumerate() {
            let sum = &mut sums[channel * positions + position];
            *sum = if weights[position] > 0.0 {
                WHOLE * value + (1.0 - WHOLE) * *sum / weights[position]
            } else {
                *value
            };
        }
        position += 1;
    });
    GridMap { channels, rows, columns, values: sums }
}

/// The weight of the whole image, which shows what surrounds a tile.
const WHOLE: f32 = 0.5;

fn scaled_start(pixels: u32, scale: f32) -> usize {
    (pixels as f32 * scale).round() as usize
}

/// 1 in the middle of a length, falling to its ends.
fn tent(at: usize, length: usize) -> f32 {
    let from_end = at.min(length - 1 - at) as f32 + 0.5;
    from_end / (length as f32 / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(rows: usize, columns: usize, background: f32) -> GridMap {
        let pixels = rows * columns;
        let values = [vec![background; pixels], vec![1.0 - background; pixels]].concat();
        GridMap { channels: 2, rows, columns, values }
    }

    #[test]
    fn equal_tiles_give_their_mean_with_the_whole_and_no_seam() {
        let area = Bounds { left: 5, top: 2, width: 12, height: 8 };
        let tile = |left, width| TileMap {
            tile: Bounds { left, top: 2, width, height: 8 },
            probabilities: flat(8, width as usize, 0.2),
        };
        let blended = blend(&flat(4, 6, 0.6), area, &[tile(5, 8), tile(9, 8)]);
        assert_eq!((blended.rows, blended.columns), (8, 12));
        for (at, value) in blended.values.iter().enumerate() {
            let expected = if at < 96 { 0.4 } else { 0.6 };
            assert!((value - expected).abs() < 1e-6, "{at}: {value}");
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_change_slowly_across_tiles() {
        let area = Bounds { left: 0, top: 0, width: 24, height: 16 };
        let tile = |left, background| TileMap {
            tile: Bounds { left, top: 0, width: 16, height: 16 },
            probabilities: flat(16, 16, background),
        };
        let blended = blend(&flat(8, 12, 0.5), area, &[tile(0, 0.0), tile(8, 1.0)]);
        let (background, lesion) = blended.values.split_at(24 * 16);
        assert!(background.iter().zip(lesion).all(|(a, b)| (a + b - 1.0).abs() < 1e-6));
        let row = &background[..24];
        assert!(row.windows(2).all(|pair| (0.0..0.1).contains(&(pair[1] - pair[0]))), "{row:?}");
    }
}
