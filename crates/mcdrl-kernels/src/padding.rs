//! The zeros around the input of a convolution.

/// Rows and columns of zeros around the input of a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns on the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns on the right.
    pub right: usize,
}

impl Padding {
    /// The same number of zeros on all sides.
    pub const fn even(size: usize) -> Self {
        Self { top: size, left: size, bottom: size, right: size }
    }

    /// TensorFlow's "same" padding for an input of `[height, width]`: the output has 1/stride of the input's sides, rounded
    /// up. An odd zero goes to the bottom and to the right.
    pub fn same(kernel: [usize; 2], stride: usize, sides: [usize; 2]) -> Self {
        let total = |axis: usize| {
            let covered = (sides[axis].div_ceil(stride).max(1) - 1) * stride + kernel[axis];
            covered.saturating_sub(sides[axis])
        };
        let (down, across) = (total(0), total(1));
        let (top, left) = (down / 2, across / 2);
        Self { top, left, bottom: down - top, right: across - left }
    }
}
