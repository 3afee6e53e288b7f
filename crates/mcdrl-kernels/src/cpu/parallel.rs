//! Loops that run on the thread pool with the feature `rayon`, else on one thread.

/// The smallest number of values per thread. For fewer, waking a thread takes longer than the work.
#[cfg(feature = "rayon")]
const SMALLEST: usize = 4096;

/// The results of `work(0)` to `work(count - 1)`, in this order.
#[cfg(feature = "rayon")]
pub fn map_each<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    use rayon::prelude::*;
    (0..count).into_par_iter().with_max_len(1).map(work).collect()
}

/// The results of `work(0)` to `work(count - 1)`, in this order.
#[cfg(not(feature = "rayon"))]
pub fn map_each<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    (0..count).map(work).collect()
}

/// Calls `work` with the number and the values of every chunk of `size` values.
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

/// Calls `work` with the number and the values of every chunk of `size` values.
#[cfg(not(feature = "rayon"))]
pub fn for_each_chunk(
    values: &mut [f32],
    size: usize,
    work: impl Fn(usize, &mut [f32]) + Send + Sync,
) {
    values.chunks_mut(size.max(1)).enumerate().for_each(|(number, chunk)| work(number, chunk));
}

/// The number of threads.
#[cfg(feature = "rayon")]
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// The number of threads.
#[cfg(not(feature = "rayon"))]
pub fn threads() -> usize {
    1
}
