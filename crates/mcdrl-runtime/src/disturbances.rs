//! The words for the disturbances of an image.

use crate::profile::Profile;
use crate::segmentation::ConfounderWeight;

/// A confounder is shown from this presence on.
const PRESENT: f32 = 0.5;

/// The disturbances that an image shows, the most certain first: "glare on 8 % of the picture".
///
/// - `found`: every confounder of the profile, in its order
pub fn disturbances(profile: &Profile, found: &[ConfounderWeight]) -> Vec<String> {
    let mut shown: Vec<_> = profile
        .confounders
        .iter()
        .zip(found)
        .filter(|(named, found)| named.complement_of.is_none() && found.presence >= PRESENT)
        .collect();
    shown.sort_by(|(_, a), (_, b)| b.presence.total_cmp(&a.presence));
    let in_words =
        shown.into_iter().map(|(named, ConfounderWeight { words, area, .. })| {
            match named.everywhere {
                true => words.clone(),
                false if *area < 0.01 => format!("{words} on less than 1 % of the picture"),
                false => format!("{words} on {:.0} % of the picture", 100.0 * area),
            }
        });
    in_words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words for confounders: name, presence, area.
    fn words(seen: &[(&str, f32, f32)]) -> Vec<String> {
        let profile = Profile::endoscopy();
        let found = profile.confounders.iter().map(|named| {
            let (_, presence, area) =
                seen.iter().find(|(name, ..)| *name == named.name).copied().unwrap_or_default();
            ConfounderWeight {
                name: named.name.clone(),
                family: named.family.clone(),
                words: named.plain_name().to_owned(),
                weight: 0.1,
                presence,
                area,
            }
        });
        let found: Vec<ConfounderWeight> = found.collect();
        disturbances(&profile, &found)
    }

    #[test]
    fn present_disturbances_are_named_the_most_certain_first() {
        assert!(words(&[("white-light", 1.0, 1.0), ("blur", 0.49, 1.0)]).is_empty());
        let seen = [
            ("mucus", 0.5, 0.002),
            ("blood", 0.6, 0.03),
            ("blur", 0.7, 0.4),
            ("reflection", 0.9, 0.08),
        ];
        let expected = [
            "glare on 8 % of the picture",
            "blur",
            "blood on 3 % of the picture",
            "mucus on less than 1 % of the picture",
        ];
        assert_eq!(words(&seen), expected);
    }

    #[test]
    fn disturbances_have_plain_names() {
        let names = ["artefacts", "bright", "dark", "uneven", "narrow-band", "near", "far"];
        let expected = [
            "picture artefacts",
            "over-exposure",
            "under-exposure",
            "uneven light",
            "narrow-band light",
            "close view",
            "distant view",
        ];
        assert_eq!(words(&names.map(|name| (name, 0.8, 0.3))), expected);
    }
}
