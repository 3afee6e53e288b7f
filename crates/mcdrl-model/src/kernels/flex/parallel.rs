//! Work on several threads where there are threads.

/// Values below which another thread is not worth its wake-up.
#[cfg(feature = "rayon")]
const SMALLEST: usize = 4096;

/// `work(0)`, …, `work(count - 1)`, in this order.
#[cfg(feature = "rayon")]
pub fn map_each<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    use rayon::prelude::*;
    (0..count).into_par_iter().with_max_len(1).map(work).collect()
}

/// `work(0)`, …, `work(count - 1)`, in this order.
#[cfg(not(feature = "rayon"))]
pub fn map_each<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    (0..count).map(work).collect()
}

/// `work` on every chunk of `size` values, with its number.
#[cfg(feature = "rayon")]
pub fn for_each_chunk(
    values: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    use rayon::prelude::*;
    let chunks = values.par_chunks_mut(size.max(1)).with_min_len(SMALLEST.div_ceil(size.max(1)));
    chunks.enumerate().for_each(|(number, chunk)| work(number, chunk));
}

/// `work` on every chunk of `size` values, with its number.
#[cfg(not(feature = "rayon"))]
pub fn for_each_chunk(
    values: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    values.chunks_mut(size.max(1)).enumerate().for_each(|(number, chunk)| work(number, chunk));
}
