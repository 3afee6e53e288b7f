//! Seeds, and seeded random numbers in Burn.

use std::sync::Mutex;

use burn::tensor::Device;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Combines several numbers into one seed.
pub fn mix(parts: &[u64]) -> u64 {
    parts
        .iter()
        .fold(0, |seed, part| ChaCha8Rng::seed_from_u64(seed.rotate_left(21) ^ part).next_u64())
}

/// Burn's CPU backend has one generator for the whole process.
static RANDOM: Mutex<()> = Mutex::new(());

/// Runs `make` with a seed for the backend's random numbers. No other caller of this function runs at the same time. The
/// result of `make` must not be lazy.
pub fn seeded<T>(seed: u64, make: impl FnOnce() -> T) -> T {
    let _alone = RANDOM.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Device::flex().seed(seed);
    make()
}
