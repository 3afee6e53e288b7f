//! The turn that EXIF states: the picture lies in its file as the sensor saw it.

use image::metadata::Orientation;

use crate::{Result, decode};

/// How EXIF turns a picture: its orientation, 2 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(u8);

impl Turn {
    /// The turn of an image file; `None` if it is upright or states none.
    ///
    /// # Errors
    /// As [`crate::Image::decode`].
    pub fn of(bytes: &[u8]) -> Result<Option<Self>> {
        let orientation = decode::orientation(bytes)?;
        Ok((orientation != Orientation::NoTransforms).then(|| Self(orientation.to_exif())))
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
