//! Bilinear resizing along one axis, corners not aligned, as in PyTorch's `interpolate`.

/// Each output position mixes two input positions. Returns the first position, the second position and the share of the second.
pub fn mixes(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let step = from as f32 / to as f32;
    let mix = |at| {
        let place = ((at as f32 + 0.5) * step - 0.5).max(0.0);
        let first = (place as usize).min(from - 1);
        (first, (first + 1).min(from - 1), place - first as f32)
    };
    (0..to).map(mix).collect()
}
