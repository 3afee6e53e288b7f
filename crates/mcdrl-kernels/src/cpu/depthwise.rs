//! Depthwise convolution and its gradients: each channel has a kernel of its own.
//!
//! A plane is copied with its padding into *phases*: phase (y, x) holds every `stride`-th row and column, from row y and
//! column x on. In this layout each position of the kernel reads one contiguous run of values, at every stride. The run is as
//! long as the whole output. Between two rows of the output lie a few values that nobody reads.

use super::finish::Finish;
use super::parallel::{for_each_chunk, map_each};
use super::shape::ConvShape;
use super::vectorized::vectorized;

/// The number of outputs that are summed at a time, in registers.
const LANES: usize = 32;

/// The number of values in the planes that a thread takes at a time. They share their scratch memory.
const GROUPED: usize = 32 * 1024;

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[C, 1, kernel, kernel]`
/// - output: `[N, C, rows, columns]`
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32]) -> Vec<f32> {
    correlate_planes(shape, input, weight, |_, _| {})
}

/// The convolution, and what follows it. The arguments are those of [`forward`].
pub fn forward_finished(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    finish: &Finish,
) -> Vec<f32> {
    correlate_planes(shape, input, weight, |channel, output| finish.apply(channel, output))
}

/// The convolution. `finish` gets the number of a channel and a plane of the output.
fn correlate_planes(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    finish: impl Fn(usize, &mut [f32]) + Send + Sync,
) -> Vec<f32> {
    let layout = Phases::new(shape);
    let mut output = vec![0.0; shape.batch * shape.outputs * shape.output_plane()];
    for_each_plane(&mut output, shape.output_plane(), |planes| {
        vectorized(|| {
            let mut phases = layout.empty_phases();
            let mut sums = vec![0.0; layout.run];
            for (number, output) in planes {
                layout.split(&input[number * shape.input_plane()..], &mut phases);
                let taps = layout.offsets.iter().copied().zip(shape.kernel_of(number, weight));
                correlate(&phases, taps, &mut sums);
                layout.crop(&sums, output);
                finish(number % shape.outputs, output);
            }
        });
    });
    output
}

/// The gradient of the input.
///
/// - `weight`: `[C, 1, kernel, kernel]`, `gradient` of the output: `[N, C, rows, columns]`
/// - output: `[N, C, height, width]`
pub fn input_gradient(shape: &ConvShape, weight: &[f32], gradient: &[f32]) -> Vec<f32> {
    let layout = Phases::new(shape);
    // The output at `at` read value `at + offset` of a phase. So this value gets its gradient from `at`, which lies
    // `reach - offset` behind it once there are `reach` zeros in front.
    let taps_of_phase: Vec<Vec<(usize, usize)>> = (0..layout.count())
        .map(|phase| {
            let taps = layout.offsets.iter().enumerate();
            let own = taps.filter(|(_, offset)| **offset / layout.length == phase);
            own.map(|(tap, at)| (layout.reach + phase * layout.length - at, tap)).collect()
        })
        .collect();
    let mut input = vec![0.0; shape.batch * shape.inputs * shape.input_plane()];
    for_each_plane(&mut input, shape.input_plane(), |planes| {
        vectorized(|| {
            let mut phases = layout.empty_phases();
            let mut padded = vec![0.0; layout.reach + layout.length];
            for (number, input) in planes {
                let output = &gradient[number * shape.output_plane()..];
                layout.uncrop(output, &mut padded[layout.reach..]);
                let kernel = shape.kernel_of(number, weight);
                for (values, taps) in phases.chunks_exact_mut(layout.length).zip(&taps_of_phase) {
                    let taps = taps.iter().map(|(offset, tap)| (*offset, &kernel[*tap]));
                    correlate(&padded, taps, values);
                }
                layout.join(&phases, input);
            }
        });
    });
    input
}

/// The gradient of the weight.
///
/// - `input`: `[N, C, height, width]`, `gradient` of the output: `[N, C, rows, columns]`
/// - output: `[C, 1, kernel, kernel]`
pub fn weight_gradient(shape: &ConvShape, input: &[f32], gradient: &[f32]) -> Vec<f32> {
    let layout = Phases::new(shape);
    let sums = map_each(shape.outputs, |channel| {
        vectorized(|| {
            let mut sums = vec![0.0; layout.offsets.len()];
            let mut phases = layout.empty_phases();
            let mut spread = vec![0.0; layout.length];
            for number in (0..shape.batch).map(|image| image * shape.outputs + channel) {
                layout.split(&input[number * shape.input_plane()..], &mut phases);
                layout.uncrop(&gradient[number * shape.output_plane()..], &mut spread);
                add_products(&phases, &spread[..layout.run], &layout.offsets, &mut sums);
            }
            sums
        })
    });
    sums.concat()
}

/// Calls `work` with some planes and their numbers at a time, on all threads.
fn for_each_plane(
    values: &mut [f32],
    plane: usize,
    work: impl Fn(&mut dyn Iterator<Item = (usize, &mut [f32])>) + Send + Sync,
) {
    let planes = (GROUPED / plane.max(1)).max(1);
    for_each_chunk(values, planes * plane, |number, values| {
        let numbers = number * planes..;
        work(&mut numbers.zip(values.chunks_exact_mut(plane)));
    });
}

/// `out[i]` = Σ `source[i + offset]` · weight, over the pairs of offset and weight.
#[inline(always)]
fn correlate<'a>(
    source: &[f32],
    taps: impl Iterator<Item = (usize, &'a f32)> + Clone,
    out: &mut [f32],
) {
    for (block, out) in out.chunks_exact_mut(LANES).enumerate() {
        let source = &source[block * LANES..];
        let mut sums = [0.0; LANES];
        for (offset, weight) in taps.clone() {
            let source = &source[offset..][..LANES];
            sums.iter_mut().zip(source).for_each(|(sum, value)| *sum += *weight * value);
        }
        out.copy_from_slice(&sums);
    }
}

/// Adds Σ_i `source[i + offset]` · `gradient[i]` to the sum of each offset.
#[inline(always)]
fn add_products(source: &[f32], gradient: &[f32], offsets: &[usize], sums: &mut [f32]) {
    // Several offsets at a time share the values of the gradient, and their sums do not wait for each other.
    const TOGETHER: usize = 3;
    const WIDTH: usize = 16;
    let mut lanes = [[0.0f32; WIDTH]; TOGETHER];
    for (offsets, sums) in offsets.chunks(TOGETHER).zip(sums.chunks_mut(TOGETHER)) {
        lanes.iter_mut().for_each(|lane| lane.fill(0.0));
        for (block, gradient) in gradient.chunks_exact(WIDTH).enumerate() {
            for (lane, offset) in lanes.iter_mut().zip(offsets) {
                let source = &source[offset + block * WIDTH..][..WIDTH];
                for ((lane, value), gradient) in lane.iter_mut().zip(source).zip(gradient) {
                    *lane += value * gradient;
                }
            }
        }
        sums.iter_mut().zip(&lanes).for_each(|(sum, lane)| *sum += lane.iter().sum::<f32>());
    }
}

/// The layout of a plane and of its output.
struct Phases {
    stride: usize,
    /// Values of a phase, a multiple of [`LANES`].
    length: usize,
    /// Values from one row of a phase, or of the output, to the next.
    pitch: usize,
    /// For each position of the kernel, where the first output reads.
    offsets: Vec<usize>,
    /// The largest distance of such a place from the start of its phase.
    reach: usize,
    /// Values of the output in this layout, a multiple of [`LANES`].
    run: usize,
    /// Rows and columns of the input and of the output.
    input: [usize; 2],
    output: [usize; 2],
    /// Zeros above and on the left.
    before: [usize; 2],
}

impl Phases {
    fn new(shape: &ConvShape) -> Self {
        let (stride, [rows, columns]) = (shape.stride, shape.output());
        let [down, across] = shape.kernel;
        let pitch = columns + (across - 1) / stride;
        let used = (rows + (down - 1) / stride) * pitch;
        let length = (used + LANES - 1).next_multiple_of(LANES);
        let offset = |row: usize, column: usize| {
            let phase = row % stride * stride + column % stride;
            phase * length + row / stride * pitch + column / stride
        };
        Self {
            stride,
            length,
            pitch,
            offsets: (0..down * across).map(|at| offset(at / across, at % across)).collect(),
            reach: (down - 1) / stride * pitch + (across - 1) / stride,
            run: ((rows - 1) * pitch + columns).next_multiple_of(LANES),
            input: [shape.height, shape.width],
            output: [rows, columns],
            before: [shape.padding.top, shape.padding.left],
        }
    }

    /// The number of phases.
    fn count(&self) -> usize {
        self.stride * self.stride
    }

    /// Phases of zeros.
    fn empty_phases(&self) -> Vec<f32> {
        vec![0.0; self.count() * self.length]
    }

    /// Copies a plane into its phases. The zeros around the plane stay.
    #[inline(always)]
    fn split(&self, plane: &[f32], phases: &mut [f32]) {
        self.for_each_row(|target, source, first| {
            let source = &plane[source..][first..self.input[1]];
            let target = &mut phases[target];
            match self.stride {
                1 => {
                    let length = source.len().min(target.len());
                    target[..length].copy_from_slice(&source[..length]);
                }
                2 => {
                    let pairs = source.chunks(2).zip(target);
                    pairs.for_each(|(pair, target)| *target = pair[0]);
                }
                stride => {
                    let source = source.iter().step_by(stride);
                    target.iter_mut().zip(source).for_each(|(target, value)| *target = *value);
                }
            }
        });
    }

    /// The reverse of [`Self::split`]. Leaves values that no phase has.
    #[inline(always)]
    fn join(&self, phases: &[f32], plane: &mut [f32]) {
        self.for_each_row(|source, target, first| {
            let target = &mut plane[target..][first..self.input[1]];
            let source = &phases[source];
            match self.stride {
                1 => {
                    let length = source.len().min(target.len());
                    target[..length].copy_from_slice(&source[..length]);
                }
                stride => {
                    let target = target.iter_mut().step_by(stride);
                    target.zip(source).for_each(|(target, value)| *target = *value);
                }
            }
        });
    }

    /// Calls `work` for each row of a phase that lies on the plane: where the values are in the phases, where the plane's row
    /// starts, and the first column of the plane that the phase has.
    #[inline(always)]
    fn for_each_row(&self, mut work: impl FnMut(std::ops::Range<usize>, usize, usize)) {
        let [above, left] = self.before;
        let [height, width] = self.input;
        for (phase_row, phase_column) in
            (0..self.stride * self.stride).map(|phase| (phase / self.stride, phase % self.stride))
        {
            let phase = (phase_row * self.stride + phase_column) * self.length;
            // The phase's first column that lies on the plane.
            let skipped = left.saturating_sub(phase_column).div_ceil(self.stride);
            let first = skipped * self.stride + phase_column - left;
            if first >= width || skipped >= self.pitch {
                continue;
            }
            for row in 0..self.length / self.pitch {
                let Some(source) = (row * self.stride + phase_row).checked_sub(above) else {
                    continue;
                };
                if source >= height {
                    break;
                }
                let start = phase + row * self.pitch;
                work(start + skipped..start + self.pitch, source * width, first);
            }
        }
    }

    /// The output from its layout.
    #[inline(always)]
    fn crop(&self, sums: &[f32], output: &mut [f32]) {
        let columns = self.output[1];
        for (row, output) in output.chunks_exact_mut(columns).enumerate() {
            output.copy_from_slice(&sums[row * self.pitch..][..columns]);
        }
    }

    /// The reverse of [`Self::crop`]. The zeros between the rows stay.
    #[inline(always)]
    fn uncrop(&self, output: &[f32], values: &mut [f32]) {
        let [rows, columns] = self.output;
        for (row, output) in output.chunks_exact(columns).take(rows).enumerate() {
            values[row * self.pitch..][..columns].copy_from_slice(output);
        }
    }
}
