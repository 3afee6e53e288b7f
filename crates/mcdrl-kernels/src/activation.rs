//! The activation after a normalisation.

/// The activation after a normalisation. NaN stays NaN: an error must stay visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// max(x, 0).
    Relu,
    /// max(min(x, 6), 0), as in mobile networks (Howard et al. 2017).
    Relu6,
}

impl Activation {
    /// The lowest and the highest value of the result.
    pub fn limits(self) -> (f32, f32) {
        match self {
            Self::None => (f32::NEG_INFINITY, f32::INFINITY),
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
        }
    }
}
