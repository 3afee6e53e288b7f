//! Confounded data: the confounder is where ρ says, in as many pictures as ρ says.

use mcdrl_image::{Image, Mask};
use mcdrl_synth::{Confounding, Renderer, SynthConfig, SyntheticFrame, synthesize_frame};

const STRENGTH: f32 = 0.8;
const SEED: u64 = 5;

fn frames(lesion_free: f32) -> Vec<(Image, Mask)> {
    let config = SynthConfig { size: 160, lesion_free, ..SynthConfig::default() };
    let frame = |index| {
        let SyntheticFrame { image, mask, .. } = synthesize_frame(&config, 0, index);
        (image, mask)
    };
    (0..16).map(frame).collect()
}

/// Mean absolute change of the pixels on the lesion, and of the others.
fn changes(before: &Image, after: &Image, mask: &Mask) -> [f32; 2] {
    let mut sums = [(0.0, 0.0f32); 2];
    let pixels = before.pixels().chunks(3).zip(after.pixels().chunks(3));
    for ((a, b), class) in pixels.zip(mask.classes()) {
        let (sum, count) = &mut sums[usize::from(*class == 0)];
        *sum += a.iter().zip(b).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>();
        *count += 1.0;
    }
    sums.map(|(sum, count)| sum / count.max(1.0))
}

/// The number of frames in which the confounder changes the lesion more than the rest.
fn on_lesion(renderer: Renderer, rho: f64) -> usize {
    let confounding = Confounding::new(renderer, STRENGTH, rho).unwrap();
    let frames = frames(0.0);
    let is_on = |(number, (image, mask)): &(usize, &(Image, Mask))| {
        let changed = confounding.apply(image, mask, SEED, *number);
        let [lesion, rest] = changes(image, &changed, mask);
        lesion > rest
    };
    frames.iter().enumerate().filter(is_on).count()
}

#[test]
fn a_local_confounder_lies_on_lesions_or_elsewhere() {
    for renderer in [Renderer::Blood, Renderer::Mucus] {
        let [never, half, always] = [-1.0, 0.0, 1.0].map(|rho| on_lesion(renderer, rho));
        assert!(always >= 15, "{renderer}: {always}");
        assert!(never <= 1, "{renderer}: {never}");
        assert!((4..=12).contains(&half), "{renderer}: {half}");
    }
}

#[test]
fn a_global_confounder_is_shown_with_lesions_or_without() {
    for (rho, with_lesion) in [(1.0, true), (-1.0, false)] {
        let confounding = Confounding::new(Renderer::Dark, STRENGTH, rho).unwrap();
        for (number, (image, mask)) in frames(0.5).iter().enumerate() {
            let has_lesion = mask.classes().iter().any(|class| *class != 0);
            let is_changed = confounding.apply(image, mask, SEED, number) != *image;
            assert_eq!(is_changed, has_lesion == with_lesion, "frame {number}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_picture() {
    let confounding = Confounding::new(Renderer::Reflection, STRENGTH, 0.5).unwrap();
    let (image, mask) = &frames(0.0)[0];
    let at = |seed, number| confounding.apply(image, mask, seed, number);
    // Failed comparisons must not print the pictures.
    assert!(at(1, 0) == at(1, 0));
    assert!(at(1, 0) != at(2, 0));
}

#[test]
fn what_cannot_be_tied_is_refused() {
    let fault = |renderer, rho| Confounding::new(renderer, STRENGTH, rho).unwrap_err().to_string();
    assert!(fault(Renderer::Near, 0.5).contains("moves the lesion"));
    assert!(fault(Renderer::Blood, 1.5).contains("between -1 and 1"));
}
