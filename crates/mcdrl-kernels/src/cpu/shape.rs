//! The sizes of a convolution, and the rows and columns of the input that a kernel position reads.

use crate::padding::Padding;

/// The number of values that are copied into patches at a time: 256 KiB, a fraction of a second-level cache.
const COPIED: usize = 64 * 1024;

/// The sizes of a convolution with equal strides and no dilation. The number of groups decides the kernel: one for
/// [`super::convolution`], as many as channels for [`super::depthwise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images N.
    pub batch: usize,
    /// Channels C of the input.
    pub inputs: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels O of the output.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one patch to the next.
    pub stride: usize,
    /// The zeros around the input.
    pub padding: Padding,
}

impl ConvShape {
    /// Rows and columns of the output.
    ///
    /// # Panics
    /// If the kernel is larger than the input with its padding.
    pub fn output(&self) -> [usize; 2] {
        let Padding { top, left, bottom, right } = self.padding;
        let sides = [self.height + top + bottom, self.width + left + right];
        assert!(
            self.kernel[0] <= sides[0] && self.kernel[1] <= sides[1],
            "a kernel of {:?} is larger than the padded input of {sides:?}",
            self.kernel
        );
        [0, 1].map(|axis| (sides[axis] - self.kernel[axis]) / self.stride + 1)
    }

    /// The kernel of a plane of a depthwise convolution: plane `number` of `[N, C, _, _]`.
    pub(super) fn kernel_of<'a>(&self, number: usize, weight: &'a [f32]) -> &'a [f32] {
        let size = self.kernel[0] * self.kernel[1];
        &weight[number % self.outputs * size..][..size]
    }

    pub(super) fn input_plane(&self) -> usize {
        self.height * self.width
    }

    pub(super) fn output_plane(&self) -> usize {
        let [rows, columns] = self.output();
        rows * columns
    }

    /// Values of a patch.
    pub(super) fn patch(&self) -> usize {
        self.inputs * self.kernel[0] * self.kernel[1]
    }

    /// Whether the patches are the image itself.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.padding == Padding::default()
    }

    /// The output's rows in tiles: first row and end.
    pub(super) fn tiles(&self) -> Vec<(usize, usize)> {
        let [rows, columns] = self.output();
        let height = (COPIED / (self.patch() * columns)).clamp(1, rows);
        (0..rows).step_by(height).map(|first| (first, (first + height).min(rows))).collect()
    }

    /// The row of the input under the kernel's row `down` at the output's `row`, unless it is padding.
    pub(super) fn source_row(&self, row: usize, down: usize) -> Option<usize> {
        (row * self.stride + down).checked_sub(self.padding.top).filter(|row| *row < self.height)
    }

    /// The output's columns, first and end, for which the kernel's column `right` lies on the input.
    pub(super) fn inside(&self, right: usize) -> (usize, usize) {
        let columns = self.output()[1];
        let before = self.padding.left;
        let first = before.saturating_sub(right).div_ceil(self.stride);
        let end = (self.width + before).saturating_sub(right).div_ceil(self.stride);
        let end = end.min(columns);
        (first.min(end), end)
    }
}
