//! Depthwise convolution and its gradients: each channel has a kernel of its own.
//!
//! A plane is copied with its padding into *phases*: phase (y, x) holds every `stride`-th row and column, from row y and
//! column x on. In this layout each position of the kernel reads one contiguous run of values, at every stride. The run is as
//! long as the whole output. Between two rows of the output lie a few values that nobody reads.

use super::parallel::{for_each_chunk, map_each};
use super::shape::ConvShape;
use super::vectorized::{dot, vectorized};

/// The number of outputs that are summed at a time, in registers.
const LANES: usize = 32;

/// The convolution.
///
/// - `input`: `[N, C, height, width]`, `weight`: `[C, 1, kernel, kernel]`
/// - output: `[N, C, rows, columns]`
pub fn forward(shape: &ConvShape, input: &[f32], weight: &[f32]) -> Vec<f32> {
    let layout = Phases::new(shape);
    let mut output = vec![0.0; shape.batch * shape.outputs * shape.output_plane()];
    for_each_chunk(&mut output, shape.output_plane(), |number, output| {
        vectorized(|| {
            let phases = layout.split(&input[number * shape.input_plane()..]);
            let kernel = shape.kernel_of(number, weight);
            let taps: Vec<_> = layout.offsets.iter().copied().zip(kernel).collect();
            let mut sums = vec![0.0; layout.run];
            correlate(&phases, &taps, &mut sums);
            layout.crop(&sums, output);
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
    let mut input = vec![0.0; shape.batch * shape.inputs * shape.input_plane()];
    for_each_chunk(&mut input, shape.input_plane(), |number, input| {
        vectorized(|| {
            // The output at `at` read value `at + offset` of a phase. So this value gets its gradient from `at`, which lies
            // `reach - offset` behind it once there are `reach` zeros in front.
            let reach = layout.reach;
            let gradient = layout.uncrop(&gradient[number * shape.output_plane()..], reach);
            let kernel = shape.kernel_of(number, weight);
            let mut phases = vec![0.0; layout.stride * layout.stride * layout.length];
            for (phase, values) in phases.chunks_exact_mut(layout.length).enumerate() {
                let start = phase * layout.length;
                let taps = layout.offsets.iter().zip(kernel);
                let own = taps.filter(|(offset, _)| **offset / layout.length == phase);
                let own: Vec<_> = own.map(|(at, weight)| (reach + start - at, weight)).collect();
                correlate(&gradient, &own, values);
            }
            layout.join(&phases, input);
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
            for number in (0..shape.batch).map(|image| image * shape.outputs + channel) {
                let phases = layout.split(&input[number * shape.input_plane()..]);
                let gradient = layout.uncrop(&gradient[number * shape.output_plane()..], 0);
                for (sum, offset) in sums.iter_mut().zip(&layout.offsets) {
                    *sum += dot(&phases[*offset..], &gradient[..layout.run]);
                }
            }
            sums
        })
    });
    sums.concat()
}

/// `out[i]` = Σ `source[i + offset]` · weight, over the pairs of offset and weight.
#[inline(always)]
fn correlate(source: &[f32], taps: &[(usize, &f32)], out: &mut [f32]) {
    for (block, out) in out.chunks_exact_mut(LANES).enumerate() {
        let mut sums = [0.0; LANES];
        for (offset, weight) in taps {
            let source = &source[block * LANES + offset..][..LANES];
            sums.iter_mut().zip(source).for_each(|(sum, value)| *sum += **weight * value);
        }
        out.copy_from_slice(&sums);
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

    /// The phases of a plane.
    fn split(&self, plane: &[f32]) -> Vec<f32> {
        let mut phases = vec![0.0; self.stride * self.stride * self.length];
        self.for_each_row(|target, source, first| {
            let source = plane[source..][..self.input[1]][first..].iter().step_by(self.stride);
            phases[target].iter_mut().zip(source).for_each(|(target, value)| *target = *value);
        });
        phases
    }

    /// The reverse of [`Self::split`]. Leaves values that no phase has.
    fn join(&self, phases: &[f32], plane: &mut [f32]) {
        self.for_each_row(|source, target, first| {
            let target = plane[target..][..self.input[1]][first..].iter_mut().step_by(self.stride);
            target.zip(&phases[source]).for_each(|(target, value)| *target = *value);
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
    fn crop(&self, sums: &[f32], output: &mut [f32]) {
        let columns = self.output[1];
        for (row, output) in output.chunks_exact_mut(columns).enumerate() {
            output.copy_from_slice(&sums[row * self.pitch..][..columns]);
        }
    }

    /// The reverse of [`Self::crop`], with zeros in front, between the rows and behind.
    fn uncrop(&self, output: &[f32], zeros: usize) -> Vec<f32> {
        let mut values = vec![0.0; zeros + self.length];
        let [rows, columns] = self.output;
        for (row, output) in output.chunks_exact(columns).take(rows).enumerate() {
            values[zeros + row * self.pitch..][..columns].copy_from_slice(output);
        }
        values
    }
}
