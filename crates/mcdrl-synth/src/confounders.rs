//! The named variations that a site mixes into its frames, each with a strength.
//!
//! The families follow the dictionary of MCDRL. Each family acts at the same stage of image formation
//! as in an endoscope: distance in the camera's pose, surface interference on the wall,
//! lighting on the irradiance, imaging technology on the spectrum, and field-of-view quality on the
//! finished picture.

pub mod imaging;
pub mod interference;
pub mod lighting;
pub mod quality;

/// Names of the confounders, in the order of [`FrameFactors::strengths`].
pub const CONFOUNDERS: [&str; 12] = [
    "blur",
    "artefacts",
    "bright",
    "dark",
    "uneven",
    "narrow-band",
    "white-light",
    "near",
    "far",
    "mucus",
    "blood",
    "reflection",
];

/// Index of a confounder in [`CONFOUNDERS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confounder {
    /// Defocus and motion.
    Blur,
    /// Interlacing, compression blocks and burnt-in text.
    Artefacts,
    /// Over-exposure.
    Bright,
    /// Under-exposure.
    Dark,
    /// A light that comes from one side.
    Uneven,
    /// Blue and green illumination.
    NarrowBand,
    /// The usual warm illumination.
    WhiteLight,
    /// A close, magnified view.
    Near,
    /// A deep view.
    Far,
    /// Strands, specks and bubbles.
    Mucus,
    /// Pools and streaks.
    Blood,
    /// Glints on a wet surface.
    Reflection,
}

/// The factors of a synthetic frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameFactors {
    /// Index of the lesion's class; `None` for a lesion-free frame.
    pub class: Option<usize>,
    /// Strength of each confounder, in the order of [`CONFOUNDERS`]: 0 is absent, 1 the strongest.
    pub strengths: [f32; 12],
}

impl FrameFactors {
    /// Strength of one confounder.
    pub fn strength(&self, confounder: Confounder) -> f32 {
        self.strengths[confounder as usize].clamp(0.0, 1.0)
    }
}
