//! Lattice value noise in three dimensions, the source of all texture.

use crate::vector::{Vec3, vec3};

/// Odd multipliers that spread the three coordinates over the bits of a hash.
const PRIMES: [u32; 3] = [0x8DA6_B343, 0xD816_3841, 0xCB1A_B31F];

/// Value noise in `[-1, 1]` and its gradient, smooth over cells of unit size.
#[inline]
pub fn value_noise(point: Vec3, seed: u32) -> (f32, Vec3) {
    let (x, y, z) = (floor(point.x), floor(point.y), floor(point.z));
    let f = point - vec3(x as f32, y as f32, z as f32);
    // Quintic ease and its derivative, per axis: a cubic would leave creases in shaded relief.
    let u = f.map(|t| t * t * t * (t * (6.0 * t - 15.0) + 10.0));
    let du = f.map(|t| 30.0 * t * t * (t * (t - 2.0) + 1.0));

    // Each axis contributes one hash for either side of the cell.
    let (x0, y0, z0) = (spread(x, PRIMES[0]), spread(y, PRIMES[1]), spread(z, PRIMES[2]) ^ seed);
    let x1 = spread(x.wrapping_add(1), PRIMES[0]);
    let y1 = spread(y.wrapping_add(1), PRIMES[1]);
    let z1 = spread(z.wrapping_add(1), PRIMES[2]) ^ seed;
    let (a, b) = (lattice(x0 ^ y0 ^ z0), lattice(x1 ^ y0 ^ z0));
    let (c, d) = (lattice(x0 ^ y1 ^ z0), lattice(x1 ^ y1 ^ z0));
    let (e, g) = (lattice(x0 ^ y0 ^ z1), lattice(x1 ^ y0 ^ z1));
    let (h, i) = (lattice(x0 ^ y1 ^ z1), lattice(x1 ^ y1 ^ z1));

    // Trilinear interpolation as a polynomial in the eased coordinates.
    let (kx, ky, kz) = (b - a, c - a, e - a);
    let kxy = a - b - c + d;
    let kyz = a - c - e + h;
    let kzx = a - b - e + g;
    let kxyz = -a + b + c - d + e - g - h + i;
    let value = a
        + kx * u.x
        + ky * u.y
        + kz * u.z
        + kxy * u.x * u.y
        + kyz * u.y * u.z
        + kzx * u.z * u.x
        + kxyz * u.x * u.y * u.z;
    let gradient = vec3(
        du.x * (kx + kxy * u.y + kzx * u.z + kxyz * u.y * u.z),
        du.y * (ky + kyz * u.z + kxy * u.x + kxyz * u.z * u.x),
        du.z * (kz + kzx * u.x + kyz * u.y + kxyz * u.x * u.y),
    );
    (value, gradient)
}

/// Fractal (fbm) noise in `[-1, 1]`: octaves of value noise, each twice as fine and half as strong
/// as the one before.
pub fn fractal_noise(point: Vec3, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total, mut p) = (0.0, 1.0, 0.0, point);
    for octave in 0..octaves {
        sum += weight * value_noise(p, seed.wrapping_add(octave)).0;
        total += weight;
        weight *= 0.5;
        // The factor is not an integer and there is an offset, so that the lattices of two octaves never coincide.
        p = p * 2.03 + Vec3::splat(17.3);
    }
    sum / f32::max(total, 1e-6)
}

/// The floor of a value. Without hardware support, this is many times as fast as `f32::floor`.
fn floor(value: f32) -> i32 {
    let truncated = value as i32;
    truncated - i32::from(value < truncated as f32)
}

/// One coordinate's contribution to the hash of a lattice point.
fn spread(coordinate: i32, prime: u32) -> u32 {
    (coordinate as u32).wrapping_mul(prime)
}

/// The value in `[-1, 1)` of a lattice point with a hash.
fn lattice(hash: u32) -> f32 {
    let mixed = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0x297A_2D39);
    (mixed as i32) as f32 * (1.0 / (1u32 << 31) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_derivative_of_the_value() {
        let step = 1e-2;
        let point = vec3(3.3, -1.6, 0.4);
        let (_, gradient) = value_noise(point, 5);
        let ahead = value_noise(point + vec3(step, 0.0, 0.0), 5).0;
        let behind = value_noise(point - vec3(step, 0.0, 0.0), 5).0;
        assert!((gradient.x - (ahead - behind) / (2.0 * step)).abs() < 1e-2);
    }

    #[test]
    fn noise_stays_in_its_range() {
        for step in 0..2000 {
            let t = step as f32 * 0.173;
            let value = fractal_noise(vec3(t, -0.7 * t, 0.3 * t), 4, 9);
            assert!(value.abs() <= 1.0);
        }
    }
}
