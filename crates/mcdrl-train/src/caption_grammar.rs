//! Captions made by a grammar, for pictures whose mask and imposed confounder are known.
//!
//! A caption claims one or two things: a trait of the lesions, or a confounder, with or without its degree. Each claim can be put
//! in several ways.

use mcdrl_image::Mask;
use mcdrl_runtime::Profile;
use rand::Rng;
use rand::seq::{IndexedRandom, IteratorRandom};

use crate::batch::{ImageClass, image_class};

/// Lesions below this share of the image are small.
const SMALL: f32 = 0.03;

/// Lesions above this share of the image are large.
const LARGE: f32 = 0.15;

/// Lesions are central if their centre is less than this share of half the sides away from the middle.
const CENTRAL: f32 = 0.3;

/// Lesions are at the rim if their centre is more than this share of half the sides away from the middle.
const RIM: f32 = 0.6;

/// A lesion is elongated above this ratio of its axes.
const ELONGATED: f32 = 2.0;

/// A lesion is round below this ratio of its axes.
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
    /// Below [`SMALL`].
    Small,
    /// Above [`LARGE`].
    Large,
    /// Within [`CENTRAL`].
    Central,
    /// Beyond [`RIM`].
    AtRim,
    /// One lesion below [`ROUND`].
    Round,
    /// One lesion above [`ELONGATED`].
    Elongated,
    /// One lesion.
    Single,
    /// More than one.
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

/// The grammar of a profile's captions.
pub struct Grammar<'a> {
    profile: &'a Profile,
    /// The confounders that captions name.
    named: Vec<usize>,
}

impl Trait {
    /// Its phrases; `{class}` stands for the class.
    fn phrases(self) -> &'static [&'static str] {
        match self {
            Self::Healthy => &["healthy tissue", "no lesion", "nothing abnormal", "normal tissue"],
            Self::Class(_) => &["a {class}", "one {class}", "a visible {class}"],
            Self::Small => &["a small {class}", "a tiny {class}", "a little {class}"],
            Self::Large => &["a large {class}", "a big {class}", "a huge {class}"],
            Self::Central => {
                &["a {class} in the middle", "a {class} in the centre", "a central {class}"]
            }
            Self::AtRim => {
                &["a {class} at the rim", "a {class} near the border", "a {class} at the edge"]
            }
            Self::Round => &["a round {class}", "a circular {class}", "a compact {class}"],
            Self::Elongated => &["an elongated {class}", "a long {class}", "a stretched {class}"],
            Self::Single => &["a single {class}", "only one {class}", "a solitary {class}"],
            Self::Several => &["several lesions", "more than one lesion", "multiple lesions"],
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

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Slight => &["slight", "a little", "weak"],
            Self::Moderate => &["moderate", "some", "medium"],
            Self::Strong => &["strong", "severe", "heavy"],
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
    /// - `named`: the indices of the confounders that captions name
    pub fn new(profile: &'a Profile, named: Vec<usize>) -> Self {
        Self { profile, named }
    }

    /// The number of different things that captions can claim, without degrees.
    pub fn attributes(&self) -> usize {
        // The traits but the class.
        const TRAITS: usize = 9;
        TRAITS + self.profile.classes.len() + self.named.len()
    }

    /// A caption that is true of a picture. With an imposed confounder that may be named, the caption names it, and half of the
    /// time also a trait. `None` if nothing is known that may be named.
    pub fn caption(&self, facts: &Facts, rng: &mut impl Rng) -> Option<Caption> {
        let named = facts.imposed.filter(|(index, _)| self.named.contains(index));
        let mut claims = Vec::new();
        if let Some((index, strength)) = named {
            let degree = rng.random_bool(0.5).then(|| Degree::of(strength));
            claims.push(Claim::Confounder(index, degree));
        }
        if claims.is_empty() || rng.random_bool(0.5) {
            claims.extend(facts.traits.iter().choose(rng).map(|found| Claim::Trait(*found)));
        }
        let phrases: Vec<String> =
            claims.iter().map(|claim| self.phrase(*claim, facts, rng)).collect();
        let template = ["{}", "a picture with {}", "the image shows {}"].choose(rng);
        let text = template.expect("there are three").replace("{}", &phrases.join(" and "));
        (!claims.is_empty()).then_some(Caption { text, claims })
    }

    /// One way to put a claim.
    fn phrase(&self, claim: Claim, facts: &Facts, rng: &mut impl Rng) -> String {
        match claim {
            Claim::Trait(found) => {
                let class = facts.traits.iter().find_map(|found| match found {
                    Trait::Class(class) => Some(self.profile.classes[*class].as_str()),
                    _ => None,
                });
                let phrase = found.phrases().choose(rng).expect("there are some");
                phrase.replace("{class}", class.unwrap_or("lesion"))
            }
            Claim::Confounder(index, degree) => {
                let confounder = &self.profile.confounders[index];
                let others = confounder.words.iter().chain(&confounder.paraphrases);
                let all: Vec<&String> = std::iter::once(&confounder.domain).chain(others).collect();
                let words = all.choose(rng).expect("there is the domain");
                match degree {
                    Some(degree) => {
                        let degree = degree.words().choose(rng).expect("there are some");
                        format!("{degree} {words}")
                    }
                    None => (*words).clone(),
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
    // In pixels, from the middle of the image.
    let places: Vec<[f32; 2]> = (0..width * height)
        .filter(|at| lesion(*at))
        .map(|at| {
            let place = |at: usize, side: usize| at as f32 + 0.5 - 0.5 * side as f32;
            [place(at % width, width), place(at / width, height)]
        })
        .collect();
    let count = places.len() as f32;
    let mean = |value: &dyn Fn(&[f32; 2]) -> f32| places.iter().map(value).sum::<f32>() / count;
    let [x, y] = [mean(&|place| place[0]), mean(&|place| place[1])];
    let area = count / (width * height) as f32;
    let away = (2.0 * x / width as f32).hypot(2.0 * y / height as f32);
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
        mask_of(40, lesion)
    }

    fn mask_of(width: usize, lesion: impl Fn(usize, usize) -> bool) -> Mask {
        let classes = (0..width * 40).map(|at| u8::from(lesion(at % width, at / width))).collect();
        Mask::from_classes(width, 40, classes).unwrap()
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
        let wide = mask_of(80, |x, y| inside(30..50, x) && inside(10..30, y));
        assert_eq!(traits(&wide), [Class(0), Central, Round, Single]);
    }

    #[test]
    fn captions_are_true_of_their_picture_and_false_of_others() {
        let profile = Profile::endoscopy();
        let grammar = Grammar::new(&profile, (0..11).filter(|index| *index != 3).collect());
        assert!(grammar.attributes() >= 20, "{}", grammar.attributes());
        let lesion = mask(|x, y| x < 30 && y < 30);
        let blurred = Facts::new(&lesion, Some((0, 0.9)));
        let unnamed = Facts::new(&lesion, Some((3, 0.9)));
        let healthy = Facts::new(&mask(|_, _| false), None);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut texts = std::collections::HashSet::new();
        for _ in 0..200 {
            let caption = grammar.caption(&blurred, &mut rng).unwrap();
            assert!(blurred.truth_of(&caption) > 0.8, "{caption:?}");
            assert_eq!(healthy.truth_of(&caption), 0.0, "{caption:?}");
            assert!(unnamed.truth_of(&caption) == 0.0, "{caption:?}");
            texts.insert(caption.text);
            let caption = grammar.caption(&unnamed, &mut rng).unwrap();
            let claims_confounder = |claim: &Claim| matches!(claim, Claim::Confounder(..));
            assert!(!caption.claims.iter().any(claims_confounder), "{caption:?}");
            let caption = grammar.caption(&healthy, &mut rng).unwrap();
            assert_eq!(caption.claims, [Claim::Trait(Trait::Healthy)]);
        }
        assert!(texts.len() > 50, "{}", texts.len());
        let unknown = Facts { traits: Vec::new(), imposed: Some((3, 0.9)) };
        assert_eq!(grammar.caption(&unknown, &mut rng), None);
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
}
