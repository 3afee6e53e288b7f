//! Matrix products on plain slices.

/// A matrix: the element (i, j) is `values[i * row + j * column]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    /// The elements.
    pub values: &'a [f32],
    /// Distance between two rows.
    pub row: usize,
    /// Distance between two columns.
    pub column: usize,
}

/// A mutable matrix with the layout of [`Matrix`].
pub struct MatrixMut<'a> {
    /// The elements.
    pub values: &'a mut [f32],
    /// Distance between two rows.
    pub row: usize,
    /// Distance between two columns.
    pub column: usize,
}

/// Writes `a · b` to `out`, or adds it if `add` is set, on this thread.
///
/// - `a`: m×k, `b`: k×n, `out`: m×n
///
/// # Panics
/// If a matrix is larger than its values.
#[allow(unsafe_code)] // gemm takes raw pointers. Their bounds are asserted here.
pub fn product([m, k, n]: [usize; 3], a: Matrix<'_>, b: Matrix<'_>, out: MatrixMut<'_>, add: bool) {
    if m == 0 || k == 0 || n == 0 {
        return;
    }
    let end = |rows: usize, columns: usize, row: usize, column: usize| {
        (rows - 1) * row + (columns - 1) * column
    };
    assert!(end(m, k, a.row, a.column) < a.values.len(), "a is larger than its values");
    assert!(end(k, n, b.row, b.column) < b.values.len(), "b is larger than its values");
    assert!(end(m, n, out.row, out.column) < out.values.len(), "out is larger than its values");
    // SAFETY: the last element of each matrix lies within its slice (asserted above), and all others lie before it.
    // `out` is borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.values.as_mut_ptr(),
            out.column as isize,
            out.row as isize,
            add,
            a.values.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.values.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
