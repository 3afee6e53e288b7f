//! Lossy compression of pictures.

use crate::vector::Vec3;

/// Quantises the cosine transform of 8×8 blocks, as JPEG and MPEG do: chroma and fine detail first.
pub fn compress(picture: &mut [Vec3], [width, height]: [usize; 2], strength: f32) {
    if strength <= 0.0 {
        return;
    }
    let basis = cosine_basis();
    for top in (0..height).step_by(8) {
        for left in (0..width).step_by(8) {
            compress_block(picture, [width, height], (left, top), strength, &basis);
        }
    }
}

fn compress_block(
    picture: &mut [Vec3],
    [width, height]: [usize; 2],
    (left, top): (usize, usize),
    strength: f32,
    basis: &[[f32; 8]; 8],
) {
    let last = [width, height].map(|side| side.saturating_sub(1));
    // Luma, and the differences of blue and red from it.
    let mut planes = [[[0.0f32; 8]; 8]; 3];
    for y in 0..8 {
        for x in 0..8 {
            let pixel = picture[(top + y).min(last[1]) * width + (left + x).min(last[0])];
            let luma = 0.299 * pixel.x + 0.587 * pixel.y + 0.114 * pixel.z;
            planes[0][y][x] = luma;
            planes[1][y][x] = pixel.z - luma;
            planes[2][y][x] = pixel.x - luma;
        }
    }
    for (plane, coarseness) in planes.iter_mut().zip([1.0, 2.6, 2.6]) {
        let mut spectrum = transform(plane, basis, false);
        for (v, row) in spectrum.iter_mut().enumerate() {
            for (u, value) in row.iter_mut().enumerate() {
                let step = coarseness * strength * (0.035 + 0.05 * (u + v) as f32);
                *value = (*value / step).round() * step;
            }
        }
        *plane = transform(&spectrum, basis, true);
    }
    for y in 0..8.min(height - top) {
        for x in 0..8.min(width - left) {
            let (luma, blue, red) = (planes[0][y][x], planes[1][y][x], planes[2][y][x]);
            let pixel = &mut picture[(top + y) * width + left + x];
            *pixel = Vec3 {
                x: luma + red,
                y: luma - (0.299 * red + 0.114 * blue) / 0.587,
                z: luma + blue,
            }
            .map(|v| v.clamp(0.0, 1.0));
        }
    }
}

/// Rows of the orthonormal cosine transform.
fn cosine_basis() -> [[f32; 8]; 8] {
    std::array::from_fn(|u| {
        let norm = if u == 0 { 0.125f32.sqrt() } else { 0.5 };
        std::array::from_fn(|x| {
            norm * ((2 * x + 1) as f32 * u as f32 * std::f32::consts::PI / 16.0).cos()
        })
    })
}

/// The two-dimensional transform of a block, or its inverse.
fn transform(block: &[[f32; 8]; 8], basis: &[[f32; 8]; 8], inverse: bool) -> [[f32; 8]; 8] {
    let weight = |k: usize, n: usize| if inverse { basis[n][k] } else { basis[k][n] };
    let rows: [[f32; 8]; 8] = std::array::from_fn(|y| {
        std::array::from_fn(|k| (0..8).map(|x| weight(k, x) * block[y][x]).sum())
    });
    std::array::from_fn(|k| {
        std::array::from_fn(|x| (0..8).map(|y| weight(k, y) * rows[y][x]).sum())
    })
}
