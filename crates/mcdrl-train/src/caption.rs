//! Captions made from recorded factors. A CLIP that is trained from scratch learns the meaning of text from them.

use mcdrl_data::Factors;
use mcdrl_runtime::Profile;
use rand::Rng;

use crate::batch::ImageClass;

/// A caption and its claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    /// The words.
    pub text: String,
    class: Option<ImageClass>,
    confounder: Option<usize>,
}

/// The known facts of an image.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// Its lesion.
    pub class: ImageClass,
    /// Strength of each confounder of the profile, 0..1.
    pub strengths: Vec<f32>,
}

impl ImageFacts {
    /// Collects the facts.
    pub fn new(class: ImageClass, factors: Option<&Factors>, profile: &Profile) -> Self {
        let recorded = factors.map(|factors| &factors.confounders);
        let strengths = profile.confounders.iter().map(|confounder| {
            recorded.and_then(|r| r.get(&confounder.name)).copied().unwrap_or_default()
        });
        Self { class, strengths: strengths.collect() }
    }

    /// Captions that are true of the image: of its lesion, of one of its confounders, and of both.
    pub fn captions(
        &self,
        profile: &Profile,
        factors: Option<&Factors>,
        rng: &mut impl Rng,
    ) -> Vec<Caption> {
        let text = match self.class {
            ImageClass::Class(class) => profile.class_prompts()[class].clone(),
            ImageClass::None => profile.background_prompt.clone(),
            ImageClass::Unknown => return Vec::new(),
        };
        let class = Some(self.class.clone());
        let mut captions = vec![Caption { text, class: class.clone(), confounder: None }];
        if let Some(confounder) = draw(&factor_shares(profile, factors), rng) {
            let text = profile.confounder_prompts()[confounder].clone();
            captions.push(Caption { text, class: None, confounder: Some(confounder) });
            if let ImageClass::Class(lesion) = self.class {
                let text = profile.causal_prompts(lesion)[confounder].clone();
                captions.push(Caption { text, class, confounder: Some(confounder) });
            }
        }
        captions
    }

    /// The degree to which a caption is true of the image, 0..1.
    pub fn truth(&self, caption: &Caption) -> f32 {
        let class = caption.class.as_ref().is_none_or(|class| *class == self.class);
        let confounder = caption.confounder.map_or(1.0, |confounder| self.strengths[confounder]);
        if class { confounder } else { 0.0 }
    }
}

/// The recorded strengths of the profile's confounders, scaled to sum to one. All zero without recorded factors.
fn factor_shares(profile: &Profile, factors: Option<&Factors>) -> Vec<f32> {
    let strength = |name: &str| {
        factors.and_then(|factors| factors.confounders.get(name)).copied().unwrap_or_default()
    };
    let mut shares: Vec<f32> = profile.confounders.iter().map(|c| strength(&c.name)).collect();
    let sum: f32 = shares.iter().sum();
    if sum > 0.0 {
        shares.iter_mut().for_each(|share| *share /= sum);
    }
    shares
}

/// An index drawn by its share; `None` if all shares are zero.
fn draw(shares: &[f32], rng: &mut impl Rng) -> Option<usize> {
    let mut rest = rng.random::<f32>() * shares.iter().sum::<f32>();
    shares.iter().position(|share| {
        rest -= share;
        *share > 0.0 && rest <= 0.0
    })
}
