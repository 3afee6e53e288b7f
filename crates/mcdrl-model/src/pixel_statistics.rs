//! Statistics of the pixels that say much about light and sharpness.

use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Tensor, TensorData};

/// The number of statistics of an image.
pub const STATISTICS: usize = 13;

/// Side of the grid in which the light is compared.
const CELLS: usize = 3;

/// The light above which a pixel is bright, and below which it is dark.
const BRIGHT: f32 = 0.8;
const DARK: f32 = -0.8;

/// Below this, a pixel shows nothing: the black bars of a letterboxed image, the corners of an endoscope's picture.
const BLACK: f32 = -0.95;

/// The mean absolute second derivative that counts as none.
const FLAT: f64 = 0.002;

/// The shown part of an image.
struct Shown {
    /// 0..1 in the shown part, 0 outside: `[batch, 1, height, width]`.
    light: Tensor<4>,
    /// 1 for a pixel of the shown part: `[batch, 1, height, width]`.
    lit: Tensor<4>,
}

/// All are around one or below it. Black pixels are left out.
///
/// | | |
/// |---|---|
/// | 0 | edges |
/// | 1, 2 | the bright and the dark share |
/// | 3 | the tint: red less blue |
/// | 4 | the mean light |
/// | 5, 6 | how far the light leans to a side, and outwards |
/// | 7, 8, 9 | spread, maximum and minimum of the light in a 3×3 grid, relative to the mean |
/// | 10 | edges across the rows against edges along them |
/// | 11 | the share of the edges that is left at half the size |
/// | 12 | the share of the image that is not black |
///
/// - `pixels`: in -1..1, `[batch, 3, height, width]`
/// - output: `[batch, 13]`
pub fn pixel_statistics(pixels: Tensor<4>) -> Tensor<2> {
    let light = pixels.clone().mean_dim(1);
    let lit = light.clone().greater_elem(BLACK).float();
    let shown = Shown { light: (light.clone() + 1.0) * 0.5 * lit.clone(), lit: lit.clone() };
    let tint = pixels.clone().narrow(1, 0, 1) - pixels.narrow(1, 2, 1);
    let [fine, down, along] = edges(&light, &lit);
    let [_, _, height, width] = light.dims();
    let halved =
        |map: &Tensor<4>| adaptive_avg_pool2d(map.clone(), [height.div_ceil(2), width.div_ceil(2)]);
    let whole = halved(&lit).greater_elem(0.99).float();
    let [coarse, ..] = edges(&halved(&light), &whole);

    let statistics = vec![
        // Edges and bright places are rare: their shares are scaled to around 1.
        fine.clone() * 10.0,
        mean(light.clone().greater_elem(BRIGHT).float(), &lit) * 5.0,
        mean(light.lower_elem(DARK).float(), &lit),
        mean(tint, &lit),
        mean(shown.light.clone(), &lit),
        shown.lean(),
        shown.cells(),
        ((down + FLAT) / (along + FLAT)).log(),
        (coarse + FLAT) / (fine + FLAT) * 0.5,
        lit.mean_dims(&[2, 3]).reshape([-1, 1]),
    ];
    Tensor::cat(statistics, 1)
}

impl Shown {
    /// How far the centre of the light is from the middle of the shown part, and how much farther out the light is than the
    /// shown part itself: `[batch, 2]`.
    fn lean(&self) -> Tensor<2> {
        let [_, _, height, width] = self.light.dims();
        let device = self.light.device();
        let ramp = |side: usize| {
            let values = (0..side).map(|at| (2 * at + 1) as f32 / side as f32 - 1.0).collect();
            TensorData::new::<f32, _>(values, [side])
        };
        let x = Tensor::<1>::from_data(ramp(width), &device).reshape([1, 1, 1, width]);
        let y = Tensor::<1>::from_data(ramp(height), &device).reshape([1, 1, height, 1]);
        let middle = |place: &Tensor<4>, weight: &Tensor<4>| mean_by(place.clone(), weight);
        let away =
            |place: &Tensor<4>| place.clone() - middle(place, &self.lit).reshape([-1, 1, 1, 1]);
        let (x, y) = (away(&x), away(&y));
        let lean = [&x, &y].map(|place| middle(place, &self.light).square());
        let [across, down] = lean;
        let squared = x.square() + y.square();
        let outwards = middle(&squared, &self.light) / (middle(&squared, &self.lit) + 1e-3) - 1.0;
        Tensor::cat(vec![(across + down + 1e-6).sqrt() * 5.0, outwards * 3.0], 1)
    }

    /// Spread, maximum and minimum of the light in a grid, relative to the mean: `[batch, 3]`.
    fn cells(&self) -> Tensor<2> {
        let pooled =
            |map: &Tensor<4>| adaptive_avg_pool2d(map.clone(), [CELLS, CELLS]).flatten::<2>(1, 3);
        let mean = mean(self.light.clone(), &self.lit) + 1e-3;
        // A cell that shows little counts as an average one.
        let (light, lit) = (pooled(&self.light), pooled(&self.lit));
        let cells = (light + mean.clone() * 0.05) / ((lit + 0.05) * mean);
        let spread = (cells.clone() - cells.clone().mean_dim(1)).square().mean_dim(1).sqrt();
        Tensor::cat(vec![spread * 2.0, cells.clone().max_dim(1) - 1.0, cells.min_dim(1)], 1)
    }
}

/// The mean absolute second derivatives where all neighbours are lit too, so that the end of a black bar is no edge: in both
/// directions together, across the rows, and along them. `[batch, 1]` each.
///
/// - `light`, `lit`: `[batch, 1, height, width]`
fn edges(light: &Tensor<4>, lit: &Tensor<4>) -> [Tensor<2>; 3] {
    // The map without its outermost rows or columns, and its neighbours before and after.
    let shifted = |map: &Tensor<4>, axis: usize| {
        let length = map.dims()[axis] - 2;
        [1, 0, 2].map(|start| map.clone().narrow(axis, start, length))
    };
    let middle = |map: &Tensor<4>, axis: usize| {
        let [middle, ..] = shifted(map, axis);
        middle
    };
    let second = |map: Tensor<4>, axis: usize| {
        let [middle, before, after] = shifted(&map, axis);
        before + after - middle * 2.0
    };
    let all = |map: &Tensor<4>, axis: usize| {
        let [middle, before, after] = shifted(map, axis);
        before * middle * after
    };
    let inner = all(&all(lit, 2), 3);
    let down = second(middle(light, 3), 2);
    let along = second(middle(light, 2), 3);
    [down.clone() + along.clone(), down, along].map(|derivative| mean(derivative.abs(), &inner))
}

/// The mean of a map where `over` is 1, or 0 if it is 1 nowhere: `[batch, 1]`.
///
/// - `map`, `over`: `[batch, 1, height, width]`
fn mean(map: Tensor<4>, over: &Tensor<4>) -> Tensor<2> {
    (map * over.clone()).sum_dims(&[2, 3]).reshape([-1, 1]) / total(over).clamp_min(1.0)
}

/// The mean of a map by non-negative weights: `[batch, 1]`.
///
/// - `map`, `weight`: `[batch, 1, height, width]`
fn mean_by(map: Tensor<4>, weight: &Tensor<4>) -> Tensor<2> {
    (map * weight.clone()).sum_dims(&[2, 3]).reshape([-1, 1]) / (total(weight) + 1e-3)
}

fn total(map: &Tensor<4>) -> Tensor<2> {
    map.clone().sum_dims(&[2, 3]).reshape([-1, 1])
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    fn statistics(pixels: Tensor<4>) -> Vec<f32> {
        pixel_statistics(pixels).into_data().try_to_vec().unwrap()
    }

    /// A grey image of 32 × 32 pixels whose light is a function of the position.
    fn image(light: impl Fn(f32, f32) -> f32) -> Tensor<4> {
        let place = |at: usize| (2 * at + 1) as f32 / 32.0 - 1.0;
        let values: Vec<f32> = (0..1024).map(|at| light(place(at % 32), place(at / 32))).collect();
        let data = TensorData::new(values, [1, 1, 32, 32]);
        Tensor::<4>::from_data(data, &Device::flex()).repeat_dim(1, 3)
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
        for at in [0, 1, 2, 3, 4, 10] {
            assert!((bare[at] - boxed[at]).abs() < 1e-4, "{at}: {} {}", bare[at], boxed[at]);
        }
        assert_eq!((bare[12], boxed[12]), (1.0, 0.5));
    }

    #[test]
    fn statistics_say_what_they_are_named_for() {
        let device = Device::flex();
        let grey = Tensor::<4>::zeros([1, 3, 30, 30], &device);
        let plain = statistics(grey.clone());
        assert!(plain[0].abs() < 1e-5 && plain[1] == 0.0 && plain[2] == 0.0);
        let stripes: Vec<f32> = (0..2700).map(|at| if at % 2 == 0 { 0.3 } else { -0.3 }).collect();
        let stripes = Tensor::from_data(TensorData::new(stripes, [1, 3, 30, 30]), &device);
        assert!(statistics(stripes.clone())[0] > 5.0);
        assert!(statistics(stripes.clone())[10] < -3.0);
        assert!(statistics(stripes.swap_dims(2, 3))[10] > 3.0);
        assert_eq!(statistics(grey.clone() + 0.9)[1], 5.0);
        assert_eq!(statistics(grey.clone() - 0.9)[2], 1.0);
        let red = Tensor::cat(vec![grey.clone().narrow(1, 0, 1) + 0.5, grey.narrow(1, 0, 2)], 1);
        assert!((statistics(red)[3] - 0.5).abs() < 1e-5);
    }

    #[test]
    fn uneven_light_leans() {
        let even = statistics(image(|_, _| 0.0));
        let right = statistics(image(|x, _| 0.6 * x));
        let left = statistics(image(|x, _| -0.6 * x));
        let rim = statistics(image(|x, y| 0.4 * (x * x + y * y) - 0.4));
        assert!(even[5] < 0.01 && even[6].abs() < 0.01 && even[7] < 0.01, "{even:?}");
        assert!(right[5] > 0.9 && (right[5] - left[5]).abs() < 1e-4, "{right:?}");
        assert!(rim[5] < 0.01 && rim[6] > 0.3, "{rim:?}");
        assert!(right[7] > 0.5 && right[8] > 0.3 && right[9] < 0.7, "{right:?}");
    }

    #[test]
    fn a_blurred_image_has_few_edges_and_keeps_them_at_half_the_size() {
        let noise = Distribution::Uniform(-0.5, 0.5);
        let sharp = Tensor::<4>::random([1, 1, 32, 32], noise, &Device::flex()).repeat_dim(1, 3);
        let blurred = adaptive_avg_pool2d(sharp.clone(), [8, 8]);
        let blurred = mcdrl_kernels::resize(blurred, [32, 32]);
        let (sharp, blurred) = (statistics(sharp), statistics(blurred));
        assert!(
            blurred[0] < 0.3 * sharp[0] && blurred[11] > 1.5 * sharp[11],
            "{sharp:?} {blurred:?}"
        );
    }
}
