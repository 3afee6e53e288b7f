//! Imposed confounders in training: do(z), the same scene with and without a named confounder.

use garde::Validate;
use mcdrl_data::LabelledImage;
use mcdrl_runtime::Profile;
use mcdrl_synth::{Renderer, Rendition};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::rules::up_to_one;
use crate::{Error, Result};

/// Which images have a confounder imposed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct ImpositionConfig {
    /// The share of the images that have a confounder imposed.
    #[garde(custom(up_to_one))]
    pub share: f64,
    /// Whether the batch also holds such an image as it is. The pair is then the same scene with and without the confounder.
    #[garde(skip)]
    pub pairs: bool,
    /// Confounders of the profile that are never imposed, to test whether the read-out understands their words all the same.
    #[garde(skip)]
    pub leave_out: Vec<String>,
    /// The smallest strength; the largest is 1.
    #[garde(custom(up_to_one))]
    pub weakest: f32,
}

/// [`Imposable::absent`] of a confounder that many pictures show.
const OFTEN_ABSENT: f32 = 0.3;

/// The confounders of a profile that can be imposed.
#[derive(Clone, Debug)]
pub struct Imposable {
    renderers: Vec<(usize, Renderer)>,
    confounders: usize,
}

/// A scene with a confounder imposed.
pub struct ImposedScene {
    /// The picture.
    pub scene: LabelledImage,
    /// The index of the confounder in the profile.
    pub confounder: usize,
    /// 0..1
    pub strength: f32,
    /// Where it acts, 0..1, row-major.
    pub map: Vec<f32>,
}

impl Default for ImpositionConfig {
    fn default() -> Self {
        Self { share: 0.25, pairs: true, leave_out: Vec::new(), weakest: 0.1 }
    }
}

impl ImpositionConfig {
    /// Every image has a twin.
    pub fn everywhere(weakest: f32) -> Self {
        Self { share: 1.0, pairs: true, leave_out: Vec::new(), weakest }
    }

    /// Nothing is imposed.
    pub fn none() -> Self {
        Self { share: 0.0, ..Self::default() }
    }

    /// The number of images that have a confounder imposed in the batch that begins after `first` images of an epoch. They are
    /// the first of its `images`. Over an epoch, their share is the configured one.
    pub fn count(&self, first: usize, images: usize) -> usize {
        // The small number makes up for rounding.
        let upto = |images: usize| (self.share * images as f64 + 1e-9) as usize;
        upto(first + images) - upto(first)
    }
}

impl Imposable {
    /// The confounders of a profile that have a renderer. By default it is the renderer of the confounder's name.
    ///
    /// # Errors
    /// [`Error::Config`] if the profile states a renderer that does not exist.
    pub fn of(profile: &Profile) -> Result<Self> {
        let mut renderers = Vec::new();
        for (index, confounder) in profile.confounders.iter().enumerate() {
            match (&confounder.complement_of, &confounder.renderer) {
                (Some(_), _) => {}
                (None, Some(name)) => {
                    renderers.push((index, name.parse().map_err(Error::Config)?));
                }
                (None, None) => {
                    renderers.extend(confounder.name.parse().ok().map(|found| (index, found)));
                }
            }
        }
        Ok(Self { renderers, confounders: profile.confounders.len() })
    }

    /// These confounders without those of the given names.
    ///
    /// # Errors
    /// [`Error::Config`] if the profile has no confounder of a name.
    pub fn without(mut self, names: &[String], profile: &Profile) -> Result<Self> {
        for name in names {
            let place = profile.confounders.iter().position(|confounder| confounder.name == *name);
            let Some(place) = place else {
                let text = format!(
                    "`imposition.leave_out` names `{name}`, which is no confounder of the data"
                );
                return Err(Error::Config(text));
            };
            self.renderers.retain(|(index, _)| *index != place);
        }
        Ok(self)
    }

    /// The index of each confounder in the profile, and its renderer.
    pub fn renderers(&self) -> &[(usize, Renderer)] {
        &self.renderers
    }

    /// Whether no confounder of the profile can be imposed.
    pub fn is_empty(&self) -> bool {
        self.renderers.is_empty()
    }

    /// One confounder, drawn by the seed, on a scene.
    pub fn impose(&self, scene: &LabelledImage, weakest: f32, seed: u64) -> ImposedScene {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (confounder, renderer) = self.renderers[rng.random_range(0..self.renderers.len())];
        let strength = rng.random_range(weakest..=1.0);
        let LabelledImage { image, mask } = scene;
        let imposed = renderer.impose(image, mask, strength, rng.random(), Rendition::Trained);
        let scene = LabelledImage { image: imposed.image, mask: imposed.mask };
        ImposedScene { scene, confounder, strength, map: imposed.map }
    }

    /// 1 for the confounders that the removal can take out: all that can be imposed and move no pixel. `[M]`
    pub fn acting(&self) -> Vec<f32> {
        self.each(0.0, |renderer| f32::from(u8::from(!renderer.moves_pixels())))
    }

    /// P(z) of the back-door sum, none first: `[M + 1]`. None is as probable as all others together.
    pub fn prior(&self) -> Vec<f32> {
        let acting = self.acting();
        let count: f32 = acting.iter().sum();
        if count == 0.0 {
            return [vec![1.0], acting].concat();
        }
        let others = acting.into_iter().map(|acts| 0.5 * acts / count);
        std::iter::once(0.5).chain(others).collect()
    }

    /// How surely an unchanged picture does not show a confounder, 0..1: its dose should be low there. A real picture may well
    /// show glare, mucus, blood or uneven light, and any distance. `[M]`
    pub fn absent(&self) -> Vec<f32> {
        use Renderer::{Artefacts, Blur, Bright, Dark, NarrowBand};
        let is_rare = |r: Renderer| matches!(r, Blur | Artefacts | Bright | Dark | NarrowBand);
        self.each(0.0, |renderer| if is_rare(renderer) { 1.0 } else { OFTEN_ABSENT })
    }

    /// 1 at (z, m) if imposing z must not change the dose of m: `[M · M]`, row by row.
    pub fn independent(&self) -> Vec<f32> {
        let mut matrix = vec![0.0; self.confounders * self.confounders];
        for (z, renderer) in &self.renderers {
            for (m, other) in &self.renderers {
                let free = renderer != other && !interact(*renderer, *other);
                matrix[z * self.confounders + m] = f32::from(u8::from(free));
            }
        }
        matrix
    }

    fn each(&self, default: f32, value: impl Fn(Renderer) -> f32) -> Vec<f32> {
        let mut values = vec![default; self.confounders];
        self.renderers.iter().for_each(|(index, renderer)| values[*index] = value(*renderer));
        values
    }
}

/// Whether one confounder changes how much is seen of another: darkness hides brightness, blur hides artefacts.
fn interact(a: Renderer, b: Renderer) -> bool {
    use Renderer::{Artefacts, Blur, Bright, Dark, Far, Near, Reflection, Uneven};
    const GROUPS: [&[Renderer]; 3] = [
        &[Bright, Dark, Uneven, Reflection],
        &[Near, Far, Dark, Uneven, Blur],
        &[Blur, Artefacts, Reflection],
    ];
    GROUPS.iter().any(|group| group.contains(&a) && group.contains(&b))
}
