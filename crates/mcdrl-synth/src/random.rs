//! The seeded random generator of synthetic frames.

/// The purpose of a stream of random numbers.
///
/// Each part of a frame draws from its own stream. So a change of one part, such as the strength of a confounder, does not
/// change the others.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    /// The style of a site beyond the built-in ones.
    Site = 1,
    /// The class of the lesion and the strengths of the confounders.
    Factors,
    /// Shape and colour of the organ wall.
    Anatomy,
    /// Camera pose.
    Pose,
    /// Position and visible size of the lesion.
    Placement,
    /// Shape and colour of the lesion.
    Lesion,
    /// Layout of mucus, blood, reflections and bubbles.
    Interference,
    /// Direction of the uneven light.
    Lighting,
    /// Focus and motion.
    Optics,
    /// Interlacing and burnt-in overlays.
    Artefacts,
    /// Sensor noise.
    Sensor,
    /// The layout of a confounder that is imposed on a picture.
    Imposed,
    /// Whether a confounder lies on the lesion.
    Confounding,
}

/// SplitMix64 (Steele, Lea & Flood 2014): 64 bits of state, one full period of 2^64.
///
/// It is not taken from a crate, so that the bytes of a dataset do not depend on the version of a dependency.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of one part of one frame of one site.
    pub fn new(seed: u64, site: usize, index: usize, stream: Stream) -> Self {
        let mut random = Self { state: seed };
        for key in [site as u64, index as u64, stream as u64] {
            random.state = random.next() ^ key.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        }
        random
    }

    /// The next 64 bits.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// 32 random bits, as a seed for lattice noise.
    pub fn bits(&mut self) -> u32 {
        (self.next() >> 32) as u32
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in the logarithm between two positive bounds.
    pub fn log_range(&mut self, low: f32, high: f32) -> f32 {
        self.range(low.ln(), high.ln()).exp()
    }

    /// An angle in `[0, 2π)`.
    pub fn angle(&mut self) -> f32 {
        self.range(0.0, std::f32::consts::TAU)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Uniform in `0..count`, and 0 for an empty range.
    pub fn below(&mut self, count: usize) -> usize {
        (((self.next() >> 32) * count as u64) >> 32) as usize
    }

    /// Mean 0, variance 1, bell-shaped: the sum of four uniforms, cheap and bounded.
    pub fn bell(&mut self) -> f32 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 1.732
    }
}
