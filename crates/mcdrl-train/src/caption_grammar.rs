//! Captions made by a grammar, for pictures whose mask and imposed confounder are known.
//!
//! A caption claims one or two things: a trait of the lesion, or a confounder, with or without its degree. Each claim can be put
//! in several ways. Some ways are held back, so that a test can ask whether the words are understood or only remembered.

use mcdrl_image::Mask;
use mcdrl_runtime::Profile;
use rand::Rng;
use rand::seq::{IndexedRandom, IteratorRandom};

use crate::batch::{ImageClass, image_class};

/// Lesions below the first share of the image are small, and above the second large.
const SMALL: f32 = 0.03;
const LARGE: f32 = 0.15;

/// A lesion whose centre is within this share of half the side from the middle is central; one beyond the second is at the rim.
const CENTRAL: f32 = 0.3;
const RIM: f32 = 0.6;

/// A lesion is elongated from this ratio of its axes on, and round below the second.
const ELONGATED: f32 = 2.0;
const ROUND: f32 = 1.3;

/// How far a strength may be from the middle of a degree until a claim of the degree is false.
const DEGREE_REACH: f32 = 0.4;

/// A trait of the lesions in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trait {
    /// No lesion.
    Healthy,
    /// The class that covers most pixels, from zero.
    Class(usize),
    /// Their area.
    Small,
    /// Their area.
    Large,
    /// Their place.
    Central,
    /// Their place.
    AtRim,
    /// Their shape.
    Round,
    /// Their shape.
    Elongated,
    /// Their number.
    Single,
    /// Their number.
    Several,
}

/// How strong a confounder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degree {
    /// Around 0.2.
    Slight,
    /// Around 0.55.
    Moderate,
    /// Around 0.9.
    Strong,
}

/// What a caption claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A trait of the lesions.
    Trait(Trait),
    /// A confounder of the profile, by its index, and its degree.
    Confounder(usize, Option<Degree>),
}

/// A caption and its claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Caption {
    /// The words.
    pub text: String,
    /// All of them are true, or the caption is false.
    pub claims: Vec<Claim>,
}

/// What is known of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The traits of its lesions.
    pub traits: Vec<Trait>,
    /// The imposed confounder, by its index in the profile, and its strength.
    pub imposed: Option<(usize, f32)>,
}

/// Which ways of putting a claim are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Those of training.
    Trained,
    /// Those that training never uses.
    HeldBack,
}

/// The grammar of a profile's captions.
pub struct Grammar<'a> {
    profile: &'a Profile,
    /// The confounders that no caption names.
    unnamed: Vec<usize>,
}

impl Trait {
    /// The phrases of training, and one that is held back. `{class}` stands for the class.
    fn phrases(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Healthy => (
                &["healthy tissue", "no lesion", "nothing abnormal", "normal tissue"],
                "a picture without any finding",
            ),
            Self::Class(_) => {
                (&["a {class}", "one {class}", "a visible {class}"], "the picture of a {class}")
            }
            Self::Small => {
                (&["a small {class}", "a tiny {class}", "a little {class}"], "a minute {class}")
            }
            Self::Large => {
                (&["a large {class}", "a big {class}", "a huge {class}"], "an extensive {class}")
            }
            Self::Central => (
                &["a {class} in the middle", "a {class} in the centre", "a central {class}"],
                "a {class} at the middle of the picture",
            ),
            Self::AtRim => (
                &["a {class} at the rim", "a {class} near the border", "a {class} at the edge"],
                "a {class} close to the margin",
            ),
            Self::Round => (
                &["a round {class}", "a circular {class}", "a compact {class}"],
                "a ball-like {class}",
            ),
            Self::Elongated => (
                &["an elongated {class}", "a long {class}", "a stretched {class}"],
                "a narrow and lengthy {class}",
            ),
            Self::Single => {
                (&["a single {class}", "only one {class}", "a solitary {class}"], "a lone {class}")
            }
            Self::Several => (
                &["several lesions", "more than one lesion", "multiple lesions"],
                "a number of lesions",
            ),
        }
    }
}

impl Degree {
    const ALL: [Self; 3] = [Self::Slight, Self::Moderate, Self::Strong];

    /// The strength that it means.
    fn strength(self) -> f32 {
        match self {
            Self::Slight => 0.2,
            Self::Moderate => 0.55,
            Self::Strong => 0.9,
        }
    }

    /// The words of training, and one that is held back.
    fn words(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Slight => (&["slight", "a little", "weak"], "faint"),
            Self::Moderate => (&["moderate", "some", "medium"], "noticeable"),
            Self::Strong => (&["strong", "severe", "heavy"], "extreme"),
        }
    }

    /// The degree of a strength.
    fn of(strength: f32) -> Self {
        let away = |degree: &Self| (degree.strength() - strength).abs();
        let nearest = Self::ALL.into_iter().min_by(|a, b| away(a).total_cmp(&away(b)));
        nearest.expect("there are three")
    }
}

impl Facts {
    /// The facts of a picture.
    ///
    /// - `imposed`: the imposed confounder, by its index in the profile, and its strength
    pub fn new(mask: &Mask, imposed: Option<(usize, f32)>) -> Self {
        Self { traits: traits(mask), imposed }
    }

    /// How true a claim is, 0..1.
    pub fn truth(&self, claim: Claim) -> f32 {
        match (claim, self.imposed) {
            (Claim::Trait(claimed), _) => f32::from(u8::from(self.traits.contains(&claimed))),
            (Claim::Confounder(claimed, degree), Some((index, strength))) if claimed == index => {
                match degree {
                    None => strength,
                    Some(degree) => {
                        (1.0 - (degree.strength() - strength).abs() / DEGREE_REACH).max(0.0)
                    }
                }
            }
            _ => 0.0,
        }
    }

    /// How true all claims of a caption are together, 0..1.
    pub fn truth_of(&self, caption: &Caption) -> f32 {
        caption.claims.iter().map(|claim| self.truth(*claim)).product()
    }
}

impl<'a> Grammar<'a> {
    /// The grammar of a profile.
    ///
    /// - `unnamed`: the indices of confounders that no caption names
    pub fn new(profile: &'a Profile, unnamed: Vec<usize>) -> Self {
        Self { profile, unnamed }
    }

    /// The number of different things that captions can claim, without degrees.
    pub fn attributes(&self) -> usize {
        let disturbances = self.profile.confounders.iter().enumerate();
        let named = disturbances
            .filter(|(index, c)| c.complement_of.is_none() && !self.unnamed.contains(index));
        // All traits but the class.
        9 + self.profile.classes.len() + named.count()
    }

    /// A caption that is true of a picture. With an imposed confounder that may be named, the caption names it, and half of the
    /// time also a trait.
    pub fn caption(&self, facts: &Facts, rng: &mut impl Rng) -> Caption {
        let named = facts.imposed.filter(|(index, _)| !self.unnamed.contains(index));
        let mut claims = Vec::new();
        if let Some((index, strength)) = named {
            let degree = rng.random_bool(0.5).then(|| Degree::of(strength));
            claims.push(Claim::Confounder(index, degree));
        }
        if claims.is_empty() || rng.random_bool(0.5) {
            claims.extend(facts.traits.iter().choose(rng).map(|found| Claim::Trait(*found)));
        }
        let phrases: Vec<String> =
            claims.iter().map(|claim| self.phrase(*claim, facts, Wording::Trained, rng)).collect();
        let template = ["{}", "a picture with {}", "the image shows {}"].choose(rng);
        let joined = phrases.join(" and ");
        let text = template.expect("there are three").replace("{}", &joined);
        Caption { text, claims }
    }

    /// One way to put a claim.
    pub fn phrase(
        &self,
        claim: Claim,
        facts: &Facts,
        wording: Wording,
        rng: &mut impl Rng,
    ) -> String {
        let pick = |(trained, held_back): (&[&str], &str), rng: &mut _| match wording {
            Wording::Trained => (*trained.choose(rng).expect("there are some")).to_owned(),
            Wording::HeldBack => held_back.to_owned(),
        };
        match claim {
            Claim::Trait(found) => {
                let class = facts.traits.iter().find_map(|found| match found {
                    Trait::Class(class) => Some(self.profile.classes[*class].as_str()),
                    _ => None,
                });
                pick(found.phrases(), rng).replace("{class}", class.unwrap_or("lesion"))
            }
            Claim::Confounder(index, degree) => {
                let confounder = &self.profile.confounders[index];
                let words = match wording {
                    Wording::Trained => {
                        let said = confounder.words.iter().chain(&confounder.paraphrases);
                        let said: Vec<&String> =
                            std::iter::once(&confounder.domain).chain(said).collect();
                        (*said.choose(rng).expect("there is the domain")).clone()
                    }
                    Wording::HeldBack => {
                        confounder.held_back.clone().unwrap_or_else(|| confounder.domain.clone())
                    }
                };
                match degree {
                    Some(degree) => format!("{} {words}", pick(degree.words(), rng)),
                    None => words,
                }
            }
        }
    }
}

/// The traits of the lesions in a mask.
fn traits(mask: &Mask) -> Vec<Trait> {
    let mut traits = Vec::new();
    match image_class(mask.classes()) {
        ImageClass::None => return vec![Trait::Healthy],
        ImageClass::Class(class) => traits.push(Trait::Class(class)),
        ImageClass::Unknown => {}
    }
    let (width, height) = (mask.width(), mask.height());
    let lesion = |at: usize| mask.classes()[at] != 0;
    let places = (0..width * height).filter(|at| lesion(*at)).map(|at| {
        let place = |at: usize, side: usize| (2 * at + 1) as f32 / side as f32 - 1.0;
        [place(at % width, width), place(at / width, height)]
    });
    let places: Vec<[f32; 2]> = places.collect();
    let count = places.len() as f32;
    let mean = |value: &dyn Fn(&[f32; 2]) -> f32| places.iter().map(value).sum::<f32>() / count;
    let [x, y] = [mean(&|place| place[0]), mean(&|place| place[1])];
    let area = count / (width * height) as f32;
    let away = x.hypot(y);
    // The axes of the ellipse with the same second moments.
    let spread = [
        mean(&|place| (place[0] - x).powi(2)),
        mean(&|place| (place[1] - y).powi(2)),
        mean(&|place| (place[0] - x) * (place[1] - y)),
    ];
    let middle = 0.5 * (spread[0] + spread[1]);
    let apart = (0.25 * (spread[0] - spread[1]).powi(2) + spread[2].powi(2)).sqrt();
    let ratio = ((middle + apart) / (middle - apart).max(1e-9)).sqrt();
    let several = parts(mask) > 1;
    let found = [
        (area < SMALL, Trait::Small),
        (area > LARGE, Trait::Large),
        (away < CENTRAL, Trait::Central),
        (away > RIM, Trait::AtRim),
        (!several && ratio < ROUND, Trait::Round),
        (!several && ratio > ELONGATED, Trait::Elongated),
        (several, Trait::Several),
        (!several, Trait::Single),
    ];
    traits.extend(found.into_iter().filter(|(is, _)| *is).map(|(_, found)| found));
    traits
}

/// The number of connected lesions that cover at least a hundredth of the lesions' area.
fn parts(mask: &Mask) -> usize {
    let (width, height) = (mask.width(), mask.height());
    let mut left: Vec<bool> = mask.classes().iter().map(|class| *class != 0).collect();
    let total = left.iter().filter(|lesion| **lesion).count();
    let mut large = 0;
    for start in 0..left.len() {
        if !left[start] {
            continue;
        }
        left[start] = false;
        let (mut open, mut size) = (vec![start], 0);
        while let Some(at) = open.pop() {
            size += 1;
            let (x, y) = (at % width, at / width);
            let neighbours = [
                (x > 0).then(|| at - 1),
                (x + 1 < width).then(|| at + 1),
                (y > 0).then(|| at - width),
                (y + 1 < height).then(|| at + width),
            ];
            for next in neighbours.into_iter().flatten() {
                if std::mem::take(&mut left[next]) {
                    open.push(next);
                }
            }
        }
        large += usize::from(100 * size >= total);
    }
    large
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn mask(lesion: impl Fn(usize, usize) -> bool) -> Mask {
        let classes = (0..40 * 40).map(|at| u8::from(lesion(at % 40, at / 40))).collect();
        Mask::from_classes(40, 40, classes).unwrap()
    }

    #[test]
    fn a_mask_has_the_traits_that_one_sees() {
        use Trait::{
            AtRim, Central, Class, Elongated, Healthy, Large, Round, Several, Single, Small,
        };
        let inside = |range: std::ops::Range<usize>, at: usize| range.contains(&at);
        assert_eq!(traits(&mask(|_, _| false)), [Healthy]);
        let middle = mask(|x, y| inside(10..30, x) && inside(10..30, y));
        assert_eq!(traits(&middle), [Class(0), Large, Central, Round, Single]);
        let corner = mask(|x, y| inside(1..13, x) && inside(1..4, y));
        assert_eq!(traits(&corner), [Class(0), Small, AtRim, Elongated, Single]);
        let two = mask(|x, y| inside(18..22, y) && (inside(2..6, x) || inside(30..36, x)));
        assert_eq!(traits(&two), [Class(0), Small, Central, Several]);
    }

    #[test]
    fn captions_are_true_of_their_picture_and_false_of_others() {
        let profile = Profile::endoscopy();
        let grammar = Grammar::new(&profile, vec![3]);
        assert!(grammar.attributes() >= 20, "{}", grammar.attributes());
        let lesion = mask(|x, y| x < 30 && y < 30);
        let blurred = Facts::new(&lesion, Some((0, 0.9)));
        let unnamed = Facts::new(&lesion, Some((3, 0.9)));
        let healthy = Facts::new(&mask(|_, _| false), None);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut texts = std::collections::HashSet::new();
        for _ in 0..200 {
            let caption = grammar.caption(&blurred, &mut rng);
            assert!(blurred.truth_of(&caption) > 0.8, "{caption:?}");
            assert_eq!(healthy.truth_of(&caption), 0.0, "{caption:?}");
            assert!(unnamed.truth_of(&caption) == 0.0, "{caption:?}");
            texts.insert(caption.text);
            let caption = grammar.caption(&unnamed, &mut rng);
            let claims_confounder = |claim: &Claim| matches!(claim, Claim::Confounder(..));
            assert!(!caption.claims.iter().any(claims_confounder), "{caption:?}");
            assert_eq!(grammar.caption(&healthy, &mut rng).claims, [Claim::Trait(Trait::Healthy)]);
        }
        assert!(texts.len() > 50, "{}", texts.len());
    }

    #[test]
    fn a_degree_is_true_of_its_strength_only() {
        let facts = |strength| Facts { traits: Vec::new(), imposed: Some((0, strength)) };
        let claim = |degree| Claim::Confounder(0, Some(degree));
        assert!(facts(0.9).truth(claim(Degree::Strong)) > 0.99);
        assert_eq!(facts(0.9).truth(claim(Degree::Slight)), 0.0);
        assert!((facts(0.4).truth(claim(Degree::Slight)) - 0.5).abs() < 1e-5);
        assert_eq!(facts(0.4).truth(Claim::Confounder(0, None)), 0.4);
        assert_eq!(facts(0.4).truth(Claim::Confounder(1, None)), 0.0);
    }

    #[test]
    fn held_back_words_are_never_trained() {
        let profile = Profile::endoscopy();
        let grammar = Grammar::new(&profile, Vec::new());
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let facts = Facts { traits: vec![Trait::Class(0), Trait::Small], imposed: None };
        for index in 0..profile.confounders.len() {
            let claim = Claim::Confounder(index, None);
            let held_back = grammar.phrase(claim, &facts, Wording::HeldBack, &mut rng);
            for _ in 0..50 {
                let said = grammar.phrase(claim, &facts, Wording::Trained, &mut rng);
                let complement = profile.confounders[index].complement_of.is_some();
                assert!(complement || said != held_back, "{said}");
            }
        }
    }
}
