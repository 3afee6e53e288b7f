//! Confounders imposed on any picture: do(z), the same scene with and without a named confounder.
//!
//! Each confounder has two renderers that work in different ways. Training uses the first. The second is kept for tests: a
//! model must not only know one renderer. The renderers know no kind of imaging; a profile names those that it uses. They
//! work on the values of the stored picture, at its own size.

mod artefacts;
mod blood;
mod blur;
mod bright;
mod dark;
mod far;
mod mucus;
mod narrow_band;
mod near;
mod overlay;
mod patches;
mod picture;
mod reflection;
mod shadow;
mod speckle;
mod uneven;

use std::fmt;
use std::str::FromStr;

use mcdrl_image::{Image, Mask};

use crate::random::{Random, Stream};
use picture::Picture;
pub use picture::{Surroundings, Zoom};

/// A confounder that can be imposed on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renderer {
    /// A picture out of focus.
    Blur,
    /// Compression blocks and interlacing.
    Artefacts,
    /// Over-exposure.
    Bright,
    /// Under-exposure.
    Dark,
    /// A light from one side.
    Uneven,
    /// Blue and green light.
    NarrowBand,
    /// A close, magnified view. Moves the mask.
    Near,
    /// A distant view, darker towards its rim. Moves the mask.
    Far,
    /// Whitish films.
    Mucus,
    /// Red films.
    Blood,
    /// Small highlights.
    Reflection,
    /// Dark bands below what stops the sound.
    Shadow,
    /// The grain of sound waves.
    Speckle,
    /// Calipers, lines and letters.
    Overlay,
}

/// The renderer of a confounder to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rendition {
    /// The one of training.
    #[default]
    Trained,
    /// A different one, for tests only.
    HeldBack,
}

/// A picture with a confounder imposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Imposed {
    /// The picture.
    pub image: Image,
    /// Its exact mask.
    pub mask: Mask,
    /// Where the confounder acts, 0..1, row-major. A global one acts everywhere.
    pub map: Vec<f32>,
    /// Where the pixels come from.
    pub zoom: Zoom,
}

impl Renderer {
    /// All renderers.
    pub const ALL: [Self; 14] = [
        Self::Blur,
        Self::Artefacts,
        Self::Bright,
        Self::Dark,
        Self::Uneven,
        Self::NarrowBand,
        Self::Near,
        Self::Far,
        Self::Mucus,
        Self::Blood,
        Self::Reflection,
        Self::Shadow,
        Self::Speckle,
        Self::Overlay,
    ];

    /// The name, as in a profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Artefacts => "artefacts",
            Self::Bright => "bright",
            Self::Dark => "dark",
            Self::Uneven => "uneven",
            Self::NarrowBand => "narrow-band",
            Self::Near => "near",
            Self::Far => "far",
            Self::Mucus => "mucus",
            Self::Blood => "blood",
            Self::Reflection => "reflection",
            Self::Shadow => "shadow",
            Self::Speckle => "speckle",
            Self::Overlay => "overlay",
        }
    }

    /// Whether the confounder moves pixels, so that masks before and after differ.
    pub fn moves_pixels(self) -> bool {
        matches!(self, Self::Near | Self::Far)
    }

    /// Imposes the confounder. The same seed gives the same layout at every strength.
    ///
    /// - `strength`: 0..1; 0 changes nothing
    ///
    /// # Panics
    /// If the mask has another size than the picture.
    pub fn impose(
        self,
        image: &Image,
        mask: &Mask,
        strength: f32,
        seed: u64,
        rendition: Rendition,
    ) -> Imposed {
        let size = [image.width(), image.height()];
        assert_eq!(size, [mask.width(), mask.height()], "the mask has another size");
        let strength = strength.clamp(0.0, 1.0);
        if strength == 0.0 {
            let everywhere = vec![1.0; size[0] * size[1]];
            let (image, mask) = (image.clone(), mask.clone());
            return Imposed { image, mask, map: everywhere, zoom: Zoom::default() };
        }
        let mut picture = Picture::from_image(image);
        let random = &mut Random::new(seed, self as usize, 0, Stream::Imposed);
        let zoom = self.zoom(strength, random, rendition);
        if zoom != Zoom::default() {
            picture = picture.zoomed(&zoom);
        }
        let map = self.render(rendition)(&mut picture, strength, random);
        Imposed { image: picture.to_image(), mask: zoom.mask(mask), map, zoom }
    }

    /// The change of the view.
    fn zoom(self, strength: f32, random: &mut Random, rendition: Rendition) -> Zoom {
        match (self, rendition) {
            (Self::Near, _) => near::zoom(strength, random),
            (Self::Far, Rendition::Trained) => far::zoom(strength, random),
            (Self::Far, Rendition::HeldBack) => far::small(strength),
            _ => Zoom::default(),
        }
    }

    /// The function that changes the pixels. It returns where the confounder acts.
    fn render(self, rendition: Rendition) -> fn(&mut Picture, f32, &mut Random) -> Vec<f32> {
        use Rendition::{HeldBack, Trained};
        match (self, rendition) {
            (Self::Blur, Trained) => blur::defocus,
            (Self::Blur, HeldBack) => blur::motion,
            (Self::Artefacts, Trained) => artefacts::blocks,
            (Self::Artefacts, HeldBack) => artefacts::tape,
            (Self::Bright, Trained) => bright::gain,
            (Self::Bright, HeldBack) => bright::bloom,
            (Self::Dark, Trained) => dark::gain,
            (Self::Dark, HeldBack) => dark::gamma,
            (Self::Uneven, Trained) => uneven::slope,
            (Self::Uneven, HeldBack) => uneven::spot,
            (Self::NarrowBand, Trained) => narrow_band::mixed,
            (Self::NarrowBand, HeldBack) => narrow_band::toned,
            (Self::Near, Trained) => near::view,
            (Self::Near, HeldBack) => near::headlight,
            (Self::Far, Trained) => far::dim_rim,
            (Self::Far, HeldBack) => far::haze,
            (Self::Mucus, Trained) => mucus::film,
            (Self::Mucus, HeldBack) => mucus::strands,
            (Self::Blood, Trained) => blood::film,
            (Self::Blood, HeldBack) => blood::drops,
            (Self::Reflection, Trained) => reflection::glints,
            (Self::Reflection, HeldBack) => reflection::sheen,
            (Self::Shadow, Trained) => shadow::broad,
            (Self::Shadow, HeldBack) => shadow::ribs,
            (Self::Speckle, Trained) => speckle::grain,
            (Self::Speckle, HeldBack) => speckle::streaks,
            (Self::Overlay, Trained) => overlay::calipers,
            (Self::Overlay, HeldBack) => overlay::rulers,
        }
    }
}

impl fmt::Display for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Renderer {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|renderer| renderer.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no confounder `{name}` to impose: choose from {names}")
        })
    }
}
