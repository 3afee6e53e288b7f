//! Lighting: over- and under-exposure and a light from one side.

use super::{Confounder, FrameFactors};
use crate::random::Random;
use crate::vector::smoothstep;

/// Stops of over-exposure at full strength.
const BRIGHT_STOPS: f32 = 1.9;
/// Stops of under-exposure at full strength.
const DARK_STOPS: f32 = 2.7;

/// The light of one frame, in addition to the fall-off with distance.
#[derive(Clone, Copy, Debug)]
pub struct Lighting {
    direction: (f32, f32),
    uneven: f32,
    gain: f32,
}

impl Lighting {
    /// Draws the direction of the uneven light.
    pub fn new(random: &mut Random, factors: &FrameFactors) -> Self {
        let angle = random.angle();
        let stops = BRIGHT_STOPS * factors.strength(Confounder::Bright)
            - DARK_STOPS * factors.strength(Confounder::Dark);
        Self {
            direction: (angle.cos(), angle.sin()),
            uneven: factors.strength(Confounder::Uneven),
            gain: stops.exp2(),
        }
    }

    /// Factor on the automatic exposure.
    pub fn exposure(&self) -> f32 {
        self.gain
    }

    /// Factor on the light at an image position.
    pub fn balance(&self, x: f32, y: f32) -> f32 {
        let along = x * self.direction.0 + y * self.direction.1;
        let lit = smoothstep(-0.9, 0.9, along);
        1.0 + self.uneven * (0.08 + 2.1 * lit * lit - 1.0)
    }
}
