//! The profile of a kind of imaging: classes, confounders and the prompts that name them.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const ENDOSCOPY: &str = include_str!("../profiles/endoscopy.toml");

/// What a model is about, in words. Read from TOML, so that a new kind of imaging needs no code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The kind of imaging.
    pub name: String,
    /// The lesion classes, in the order of the mask values 1, 2, ….
    pub classes: Vec<String>,
    /// Template of a class prompt; `{class}` stands for the class.
    pub class_prompt: String,
    /// The prompt of an image without any lesion.
    pub background_prompt: String,
    /// Template of a confounder prompt; `{domain}` stands for the confounder.
    pub confounder_prompt: String,
    /// Template of a class under a confounder; `{class}` and `{domain}`.
    pub causal_prompt: String,
    /// The confounders.
    pub confounders: Vec<Confounder>,
}

/// A named variation of the imaging that must not decide what is a lesion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confounder {
    /// Its short name, as shown to users.
    pub name: String,
    /// The family it belongs to.
    pub family: String,
    /// The words that stand for `{domain}` in prompts.
    pub domain: String,
}

impl Profile {
    /// The built-in profile: five lesion classes and twelve confounders of endoscopy in the paper's five
    /// families.
    pub fn endoscopy() -> Self {
        Self::from_toml(ENDOSCOPY).expect("the built-in profile is tested")
    }

    /// Reads a profile.
    ///
    /// # Errors
    /// [`Error::Config`] naming the line or what is missing.
    pub fn from_toml(text: &str) -> Result<Self> {
        let profile: Self = toml::from_str(text)
            .map_err(|e| Error::Config(format!("the profile cannot be read: {e}")))?;
        profile.check()?;
        Ok(profile)
    }

    /// One prompt a class: e_k.
    pub fn class_prompts(&self) -> Vec<String> {
        self.classes.iter().map(|class| self.class_prompt.replace("{class}", class)).collect()
    }

    /// One prompt a confounder: z_m.
    pub fn confounder_prompts(&self) -> Vec<String> {
        let fill = |c: &Confounder| self.confounder_prompt.replace("{domain}", &c.domain);
        self.confounders.iter().map(fill).collect()
    }

    /// The prompts of class `class` under every confounder: t_{k,m}.
    pub fn causal_prompts(&self, class: usize) -> Vec<String> {
        let template = self.causal_prompt.replace("{class}", &self.classes[class]);
        self.confounders.iter().map(|c| template.replace("{domain}", &c.domain)).collect()
    }

    /// Checks that the profile can be used.
    ///
    /// # Errors
    /// [`Error::Config`] saying what is missing.
    pub fn check(&self) -> Result<()> {
        let problem = if self.classes.is_empty() || self.classes.len() > 254 {
            "the profile must name between 1 and 254 classes"
        } else if self.confounders.is_empty() {
            "the profile must name at least one confounder"
        } else if has_twins(self.classes.iter()) {
            "the profile names a class twice"
        } else if has_twins(self.confounders.iter().map(|confounder| &confounder.name)) {
            "the profile names a confounder twice"
        } else if !self.class_prompt.contains("{class}") {
            "`class_prompt` must contain {class}"
        } else if !self.confounder_prompt.contains("{domain}") {
            "`confounder_prompt` must contain {domain}"
        } else if !(self.causal_prompt.contains("{class}")
            && self.causal_prompt.contains("{domain}"))
        {
            "`causal_prompt` must contain {class} and {domain}"
        } else {
            return Ok(());
        };
        Err(Error::Config(problem.into()))
    }
}

fn has_twins<'a>(names: impl Iterator<Item = &'a String>) -> bool {
    let mut seen = std::collections::HashSet::new();
    !names.into_iter().all(|name| seen.insert(name))
}
