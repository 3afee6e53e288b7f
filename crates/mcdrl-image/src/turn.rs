//! The turn that EXIF states: the picture lies in its file as the sensor saw it.

use image::metadata::Orientation;

/// How EXIF turns a picture: its orientation, 2 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u8);

impl Turn {
    pub(crate) fn of(orientation: Orientation) -> Option<Self> {
        (orientation != Orientation::NoTransforms).then(|| Self(orientation.to_exif()))
    }

    /// The value of the EXIF tag, 2 to 8.
    pub fn exif(self) -> u8 {
        self.0
    }

    /// Whether it exchanges width and height.
    pub fn swaps_sides(self) -> bool {
        self.0 >= 5
    }
}
