//! The profile of a kind of imaging: classes, confounders and the prompts that name them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const ENDOSCOPY: &str = include_str!("../profiles/endoscopy.toml");

/// The classes, confounders and prompts of a model. A profile is read from TOML, so that a new kind of imaging needs no code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind of imaging.
    pub name: String,
    /// The lesion classes, in the order of the mask values 1, 2, ….
    pub classes: Vec<String>,
    /// Template of a class prompt; `{class}` stands for the class.
    pub class_prompt: String,
    /// The prompt of an image without a lesion.
    pub background_prompt: String,
    /// Template of a confounder prompt; `{domain}` stands for the confounder.
    pub confounder_prompt: String,
    /// Template of a class under a confounder; `{class}` and `{domain}`.
    pub causal_prompt: String,
    /// The confounders.
    pub confounders: Vec<Confounder>,
}

/// A named variation of the imaging that must not influence the segmentation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confounder {
    /// Its short name, as shown to users.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
    /// The words that replace `{domain}` in prompts.
    pub domain: String,
    /// The name of the disturbance whose absence this is: white light is the absence of narrow-band light. Such an entry is
    /// never imposed and never shown as a disturbance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complement_of: Option<String>,
    /// What imposes it on training pictures; see `mcdrl_synth::Renderer`. Default: the renderer of its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renderer: Option<String>,
    /// Its name for users, in plain words. Default: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Whether it concerns the whole picture, so that nobody is told on how much of the picture it is seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everywhere: bool,
    /// Other words for the domain, with which captions of pre-training put it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paraphrases: Vec<String>,
    /// Other words for the domain that pre-training never uses, to test whether it understands words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<String>,
    /// Whether it was added after training, so that nobody knows how well it is seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untested: bool,
    /// The smallest presence with which this confounder gives a quality hint. `None`: no hints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint_presence: Option<f32>,
}

impl Profile {
    /// The built-in profile of endoscopy: five lesion classes, and twelve confounders in the paper's five families.
    pub fn endoscopy() -> Self {
        Self::from_toml(ENDOSCOPY).expect("the built-in profile is tested")
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// [`Error::Profile`] with the line, or with all faults.
    pub fn from_toml(text: &str) -> Result<Self> {
        let profile: Self = toml::from_str(text).map_err(|e| Error::Profile(e.to_string()))?;
        profile.check()?;
        Ok(profile)
    }

    /// Checks that the profile can be used.
    ///
    /// # Errors
    /// [`Error::Profile`] with all faults.
    pub fn check(&self) -> Result<()> {
        let faults = self.faults();
        if faults.is_empty() { Ok(()) } else { Err(Error::Profile(faults.join("; "))) }
    }

    /// The faults of this profile, one sentence each. Empty if it is valid.
    pub fn faults(&self) -> Vec<String> {
        let contains = |template: &str, words: &[&str]| words.iter().all(|w| template.contains(w));
        let names = self.confounders.iter().map(|confounder| &confounder.name);
        let disturbances = || self.confounders.iter().filter(|c| c.complement_of.is_none());
        let complements_exist = self.confounders.iter().all(|confounder| {
            let other = confounder.complement_of.as_ref();
            other.is_none_or(|other| disturbances().any(|c| c.name == *other))
        });
        let faults = [
            (!(1..=254).contains(&self.classes.len()), "it must name between 1 and 254 classes"),
            (self.confounders.is_empty(), "it must name at least one confounder"),
            (!complements_exist, "a `complement_of` must name another confounder"),
            (has_twins(self.classes.iter()), "it names a class twice"),
            (has_twins(names), "it names a confounder twice"),
            (!contains(&self.class_prompt, &["{class}"]), "`class_prompt` must contain {class}"),
            (
                !contains(&self.confounder_prompt, &["{domain}"]),
                "`confounder_prompt` must contain {domain}",
            ),
            (
                !contains(&self.causal_prompt, &["{class}", "{domain}"]),
                "`causal_prompt` must contain {class} and {domain}",
            ),
        ];
        faults.iter().filter(|(wrong, _)| *wrong).map(|(_, text)| (*text).to_owned()).collect()
    }

    /// The names of the mask values: the background (0) first.
    pub fn labels(&self) -> Vec<String> {
        std::iter::once("background".to_owned()).chain(self.classes.iter().cloned()).collect()
    }

    /// The prompt of each class: e_k.
    pub fn class_prompts(&self) -> Vec<String> {
        self.classes.iter().map(|class| self.class_prompt.replace("{class}", class)).collect()
    }

    /// The prompts of the mask values: the background, then the classes.
    pub fn label_prompts(&self) -> Vec<String> {
        [vec![self.background_prompt.clone()], self.class_prompts()].concat()
    }

    /// The prompt of each confounder: z_m.
    pub fn confounder_prompts(&self) -> Vec<String> {
        let fill = |c: &Confounder| self.confounder_prompt.replace("{domain}", &c.domain);
        self.confounders.iter().map(fill).collect()
    }

    /// The prompts of class `class` (from zero) under each confounder: t_{k,m}.
    pub fn causal_prompts(&self, class: usize) -> Vec<String> {
        let template = self.causal_prompt.replace("{class}", &self.classes[class]);
        self.confounders.iter().map(|c| template.replace("{domain}", &c.domain)).collect()
    }
}

impl Confounder {
    /// Its name for users, in plain words.
    pub fn plain_name(&self) -> &str {
        self.words.as_ref().unwrap_or(&self.name)
    }
}

fn has_twins<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    let mut seen = HashSet::new();
    !names.all(|name| seen.insert(name))
}
