//! The rows of a report that show each confounder imposed on an image and removed again.

use mcdrl_data::LabelledImage;
use mcdrl_image::{TINT, overlay};
use mcdrl_runtime::{Segmentation, Segmenter};
use mcdrl_synth::Rendition;
use mcdrl_train::Imposable;

use crate::Result;
use crate::metrics::{Foreground, MaskPair};
use crate::report::Report;

/// The layout of what is imposed.
const SEED: u64 = 7;

impl Report {
    /// Adds a row for each confounder of the model's profile: the image under the confounder, its mask without the causal
    /// intervention, and its mask with it.
    ///
    /// - `strength`: of the confounders, 0..1
    ///
    /// # Errors
    /// If the image cannot be segmented or encoded.
    pub fn imposed_rows(
        &mut self,
        segmenter: &Segmenter,
        sample: &LabelledImage,
        strength: f32,
    ) -> Result<()> {
        let profile = &segmenter.header().profile;
        let unaided = segmenter.without_intervention();
        let clean = segmenter.segment(&sample.image)?;
        for (index, renderer) in Imposable::of(profile)?.renderers() {
            let LabelledImage { image, mask } = sample;
            let imposed = renderer.impose(image, mask, strength, SEED, Rendition::Trained);
            let truth = LabelledImage { image: imposed.image, mask: imposed.mask };
            let without = unaided.segment(&truth.image)?;
            let with = segmenter.segment(&truth.image)?;
            let presence = |of: &Segmentation| of.confounders[*index].presence;
            let note = format!(
                "presence {:.2} → {:.2}; lesion Dice {} without the removal, {} with it",
                presence(&clean),
                presence(&with),
                lesion_dice(&without, &truth),
                lesion_dice(&with, &truth)
            );
            let drawn = |of: &Segmentation| overlay(&truth.image, &of.mask, TINT);
            self.pictures(
                &profile.confounders[*index].name,
                &note,
                &[
                    ("imposed", truth.image.clone()),
                    ("mask without the removal", drawn(&without)),
                    ("mask with the removal", drawn(&with)),
                ],
            )?;
        }
        Ok(())
    }
}

fn lesion_dice(found: &Segmentation, truth: &LabelledImage) -> String {
    let (width, height) = (truth.mask.width(), truth.mask.height());
    let pair = MaskPair::new(found.mask.classes(), truth.mask.classes(), width, height);
    let dice = pair.expect("a segmentation has the size of its image").dice(Foreground::Any);
    dice.map_or("–".into(), |dice| format!("{dice:.2}"))
}
