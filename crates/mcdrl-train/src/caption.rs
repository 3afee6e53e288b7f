//! Captions made from recorded factors, so that text means something to a CLIP trained from scratch.

use mcdrl_data::Factors;
use mcdrl_model::Profile;
use rand::Rng;

use crate::batch::{ImageClass, factor_shares};

/// What a caption claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    /// The words.
    pub text: String,
    class: Option<ImageClass>,
    confounder: Option<usize>,
}

/// What is known of an image.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// Its lesion.
    pub class: ImageClass,
    /// Strength of each confounder of the profile, 0..1.
    pub strengths: Vec<f32>,
}

impl ImageFacts {
    /// Collects what is known.
    pub fn new(class: ImageClass, factors: Option<&Factors>, profile: &Profile) -> Self {
        let recorded = factors.map(|factors| &factors.confounders);
        let strengths = profile.confounders.iter().map(|confounder| {
            recorded.and_then(|r| r.get(&confounder.name)).copied().unwrap_or_default()
        });
        Self { class, strengths: strengths.collect() }
    }

    /// One of the captions that are true of the image: of its lesion, of one of its confounders, or of both.
    pub fn caption(
        &self,
        profile: &Profile,
        factors: Option<&Factors>,
        rng: &mut impl Rng,
    ) -> Caption {
        let confounder = draw(&factor_shares(profile, factors), rng);
        let kind = rng.random_range(0..3);
        match (&self.class, confounder) {
            (ImageClass::Class(class), Some(confounder)) if kind == 0 => Caption {
                text: profile.causal_prompts(*class)[confounder].clone(),
                class: Some(self.class.clone()),
                confounder: Some(confounder),
            },
            (_, Some(confounder)) if kind == 1 => Caption {
                text: profile.confounder_prompts()[confounder].clone(),
                class: None,
                confounder: Some(confounder),
            },
            (class, _) => Caption {
                text: match class {
                    ImageClass::Class(class) => profile.class_prompts()[*class].clone(),
                    _ => profile.background_prompt.clone(),
                },
                class: Some(class.clone()),
                confounder: None,
            },
        }
    }

    /// How true a caption is of the image, 0..1.
    pub fn truth(&self, caption: &Caption) -> f32 {
        let class = caption.class.as_ref().is_none_or(|class| *class == self.class);
        let confounder = caption.confounder.map_or(1.0, |confounder| self.strengths[confounder]);
        if class { confounder } else { 0.0 }
    }
}

/// An index drawn by its share; `None` if all shares are zero.
fn draw(shares: &[f32], rng: &mut impl Rng) -> Option<usize> {
    let mut rest = rng.random::<f32>() * shares.iter().sum::<f32>();
    shares.iter().position(|share| {
        rest -= share;
        *share > 0.0 && rest <= 0.0
    })
}
