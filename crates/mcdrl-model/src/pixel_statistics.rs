//! Statistics of the pixels that say much about light and sharpness.

use burn::tensor::module::{adaptive_avg_pool2d, conv2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

/// The number of statistics of an image.
pub const STATISTICS: usize = 4 + CELLS * CELLS;

/// Side of the grid in which the light is averaged.
const CELLS: usize = 3;

/// The light above which a pixel is bright, and below which it is dark.
const BRIGHT: f32 = 0.8;
const DARK: f32 = -0.8;

/// A second derivative.
const LAPLACIAN: [f32; 9] = [0.0, 1.0, 0.0, 1.0, -4.0, 1.0, 0.0, 1.0, 0.0];

/// Below this, a pixel shows nothing: the black bars of a letterboxed image, the corners of an endoscope's picture.
const BLACK: f32 = -0.95;

/// Edges, the bright share, the dark share, the tint, and the light in a 3×3 grid. Black pixels are left out of the shares.
///
/// - `pixels`: in -1..1, `[batch, 3, height, width]`
/// - output: `[batch, 13]`
pub fn pixel_statistics(pixels: Tensor<4>) -> Tensor<2> {
    let [batch, _, _, _] = pixels.dims();
    let light = pixels.clone().mean_dim(1);
    let lit = light.clone().greater_elem(BLACK).float();
    // Where all neighbours are lit too, so that the end of a black bar is no edge.
    let inner = around(lit.clone(), [1.0; 9]).greater_elem(8.5).float();
    let mean = |map: Tensor<4>, over: &Tensor<4>| {
        let whole = |map: Tensor<4>| map.reshape([batch as i32, -1]).sum_dim(1);
        whole(map * over.clone()) / whole(over.clone()).clamp_min(1.0)
    };

    let tint = pixels.clone().narrow(1, 0, 1) - pixels.narrow(1, 2, 1);
    let grid = adaptive_avg_pool2d(light.clone(), [CELLS, CELLS]);
    let statistics = vec![
        // Edges and bright places are rare: their shares are scaled to around 1.
        mean(around(light.clone(), LAPLACIAN).abs(), &inner) * 10.0,
        mean(light.clone().greater_elem(BRIGHT).float(), &lit) * 5.0,
        mean(light.lower_elem(DARK).float(), &lit),
        mean(tint, &lit),
        grid.reshape([batch, CELLS * CELLS]),
    ];
    Tensor::cat(statistics, 1)
}

/// The weighted sum of each pixel's 3×3 neighbourhood: `[batch, 1, height, width]`.
fn around(map: Tensor<4>, weights: [f32; 9]) -> Tensor<4> {
    let weights = TensorData::new(weights.to_vec(), [1, 1, 3, 3]);
    let weights = Tensor::<4>::from_data(weights, &map.device());
    conv2d(map, weights, None, ConvOptions::new([1, 1], [1, 1], [1, 1], 1))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    fn statistics(pixels: Tensor<4>) -> Vec<f32> {
        pixel_statistics(pixels).into_data().try_to_vec().unwrap()
    }

    #[test]
    fn black_bars_change_no_share() {
        let device = Device::flex();
        let noise = Distribution::Uniform(-0.9, 1.0);
        let picture = Tensor::<4>::random([1, 3, 32, 64], noise, &device);
        let black = Tensor::full([1, 3, 16, 64], -1.0, &device);
        let boxed = Tensor::cat(vec![black.clone(), picture.clone(), black], 2);
        let (bare, boxed) = (statistics(picture), statistics(boxed));
        assert_eq!(bare.len(), STATISTICS);
        for at in 0..4 {
            assert!((bare[at] - boxed[at]).abs() < 1e-4, "{at}: {} {}", bare[at], boxed[at]);
        }
    }

    #[test]
    fn statistics_say_what_they_are_named_for() {
        let device = Device::flex();
        let grey = Tensor::<4>::zeros([1, 3, 30, 30], &device);
        let plain = statistics(grey.clone());
        assert!(plain[0].abs() < 1e-5 && plain[1] == 0.0 && plain[2] == 0.0);
        let stripes: Vec<f32> = (0..2700).map(|at| if at % 2 == 0 { 0.3 } else { -0.3 }).collect();
        let stripes = Tensor::from_data(TensorData::new(stripes, [1, 3, 30, 30]), &device);
        assert!(statistics(stripes)[0] > 5.0);
        assert_eq!(statistics(grey.clone() + 0.9)[1], 5.0);
        assert_eq!(statistics(grey.clone() - 0.9)[2], 1.0);
        let red = Tensor::cat(vec![grey.clone().narrow(1, 0, 1) + 0.5, grey.narrow(1, 0, 2)], 1);
        assert!((statistics(red)[3] - 0.5).abs() < 1e-5);
    }
}
