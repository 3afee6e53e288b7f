//! Bilinear resizing along one axis, corners not aligned, as in PyTorch's `interpolate`.

/// The two input positions that each output position mixes.
pub struct Axis {
    from: usize,
    /// First position, second position, share of the second.
    pub mixes: Vec<(usize, usize, f32)>,
}

impl Axis {
    /// The axis that resizes `input` positions to `output` positions.
    pub fn new(input: usize, output: usize) -> Self {
        let step = input as f32 / output as f32;
        let mixes = (0..output).map(|at| {
            let place = ((at as f32 + 0.5) * step - 0.5).max(0.0);
            let first = (place as usize).min(input - 1);
            (first, (first + 1).min(input - 1), place - first as f32)
        });
        Self { from: input, mixes: mixes.collect() }
    }

    /// The resizing as a row-major matrix: `[to, from]`.
    pub fn matrix(&self) -> Vec<f32> {
        let mut matrix = vec![0.0; self.mixes.len() * self.from];
        for (row, (first, second, share)) in self.mixes.iter().enumerate() {
            matrix[row * self.from + first] += 1.0 - share;
            matrix[row * self.from + second] += share;
        }
        matrix
    }
}
