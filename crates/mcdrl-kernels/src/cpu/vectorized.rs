//! Loops with the widest vectors that the processor has.

/// The number of values that are summed in parallel: the width of an AVX-512 register.
const LANES: usize = 16;

/// Runs `work`, compiled for the processor's widest vectors. Only code that is inlined into `work` profits.
#[inline]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    struct Work<F>(F);
    impl<R, F: FnOnce() -> R> pulp::NullaryFnOnce for Work<F> {
        type Output = R;

        #[inline(always)]
        fn call(self) -> R {
            (self.0)()
        }
    }
    pulp::Arch::new().dispatch(Work(work))
}

/// Σ `term(value)`.
#[inline(always)]
pub fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|value| term(*value)).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += term(*value));
    }
    lanes.iter().sum::<f32>() + rest
}

/// Σ `term(a, b)` over the pairs of two slices, as far as the shorter one goes.
#[inline(always)]
pub fn sum_of_pairs(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let length = a.len().min(b.len());
    let (of_a, of_b) = (a[..length].chunks_exact(LANES), b[..length].chunks_exact(LANES));
    let rest = of_a.remainder().iter().zip(of_b.remainder());
    let rest: f32 = rest.map(|(a, b)| term(*a, *b)).sum();
    let mut lanes = [0.0; LANES];
    for (a, b) in of_a.zip(of_b) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += term(*a, *b);
        }
    }
    lanes.iter().sum::<f32>() + rest
}
