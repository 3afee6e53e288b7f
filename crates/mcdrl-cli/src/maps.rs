//! The maps that `mcdrl segment --maps` writes.

use clap::ValueEnum;
use mcdrl::{FloatMap, ImageError, Profile, Segmentation};

/// The beginning of the last part of the name of a map: `<name>.map-blur.png`.
pub const MAP: &str = ".map-";

/// The longest name of a map, characters.
const LONGEST_NAME: usize = 30;

/// A kind of map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Maps {
    /// The probability of a lesion; with several classes, also of each.
    Probability,
    /// How unsure the model is.
    Uncertainty,
    /// The dose of each confounder.
    Confounders,
}

/// The format of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    /// Grey PNG, 8 bits.
    Png,
    /// Grey PNG, 16 bits.
    Png16,
    /// NumPy, float32.
    Npy,
}

impl Maps {
    /// The names of the maps of this kind.
    pub fn names(self, profile: &Profile) -> Vec<String> {
        match self {
            Self::Probability => {
                let classes = profile.classes.iter().filter(|_| profile.classes.len() > 1);
                let of_class = classes.map(|class| format!("probability-{}", file_part(class)));
                std::iter::once("probability".into()).chain(of_class).collect()
            }
            Self::Uncertainty => vec!["uncertainty".into()],
            Self::Confounders => {
                profile.confounders.iter().map(|confounder| file_part(&confounder.name)).collect()
            }
        }
    }

    /// The map with the name of this index.
    pub fn map(self, index: usize, segmentation: &Segmentation) -> Result<FloatMap, ImageError> {
        let (width, height) = (segmentation.mask.width(), segmentation.mask.height());
        let values = match self {
            Self::Probability if index == 0 => segmentation.confidence_mask(0).map(|background| {
                background.into_iter().map(|background| 1.0 - background).collect()
            }),
            Self::Probability => segmentation.confidence_mask(index),
            Self::Uncertainty => Some(segmentation.uncertainty_map()),
            Self::Confounders => segmentation.confounder_map(index),
        };
        FloatMap::new(width, height, values.unwrap_or_default())
    }
}

impl MapFormat {
    /// The map as a file.
    pub fn encode(self, map: &FloatMap) -> Result<Vec<u8>, ImageError> {
        match self {
            Self::Png => map.encode_png(),
            Self::Png16 => map.encode_png16(),
            Self::Npy => Ok(map.encode_npy()),
        }
    }

    /// The extension of the file.
    pub fn extension(self) -> &'static str {
        if self == Self::Npy { "npy" } else { "png" }
    }
}

/// A name as a part of a file's name.
fn file_part(name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    name.chars().map(plain).take(LONGEST_NAME).collect()
}
