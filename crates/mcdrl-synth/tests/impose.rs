//! Imposed confounders: strength 0 changes nothing, more strength changes more, masks stay exact, maps tell the truth.

use mcdrl_image::{Image, Mask};
use mcdrl_synth::{Renderer, Rendition, SynthConfig, Zoom, synthesize_frame};

const BOTH: [Rendition; 2] = [Rendition::Trained, Rendition::HeldBack];

fn a_frame() -> (Image, Mask) {
    let config = SynthConfig { size: 128, lesion_free: 0.0, ..SynthConfig::default() };
    let frame = synthesize_frame(&config, 0, 3);
    (frame.image, frame.mask)
}

/// Mean absolute difference, 0..255.
fn difference(a: &Image, b: &Image) -> f32 {
    let pairs = a.pixels().iter().zip(b.pixels());
    let sum: f32 = pairs.map(|(a, b)| f32::from(a.abs_diff(*b))).sum();
    sum / a.pixels().len() as f32
}

#[test]
fn strength_zero_is_the_identity() {
    let (image, mask) = a_frame();
    for renderer in Renderer::ALL {
        for rendition in BOTH {
            let imposed = renderer.impose(&image, &mask, 0.0, 5, rendition);
            assert_eq!((&imposed.image, &imposed.mask), (&image, &mask), "{renderer}");
            assert_eq!(imposed.zoom, Zoom::default());
        }
    }
}

#[test]
fn a_little_strength_changes_little_and_more_changes_more() {
    let (image, mask) = a_frame();
    for renderer in Renderer::ALL {
        for rendition in BOTH {
            let at = |strength| {
                let seeds = 0..6;
                let changed = seeds.map(|seed| {
                    let imposed = renderer.impose(&image, &mask, strength, seed, rendition);
                    difference(&imposed.image, &image)
                });
                changed.sum::<f32>() / 6.0
            };
            let changes = [0.02, 0.3, 0.7, 1.0].map(at);
            assert!(changes.is_sorted(), "{renderer} {rendition:?}: {changes:?}");
            assert!(changes[1] > 0.3, "{renderer} {rendition:?} is invisible: {changes:?}");
            assert!(changes[0] < 0.6 * changes[2], "{renderer} {rendition:?} jumps: {changes:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_picture() {
    let (image, mask) = a_frame();
    for renderer in Renderer::ALL {
        for rendition in BOTH {
            let run = |seed| renderer.impose(&image, &mask, 0.6, seed, rendition);
            assert_eq!(run(3), run(3), "{renderer}");
        }
        let [trained, held_back] = BOTH.map(|r| renderer.impose(&image, &mask, 0.6, 3, r).image);
        assert_ne!(trained, held_back, "{renderer} has two renderers");
    }
    let glints = |seed| {
        let imposed = Renderer::Reflection.impose(&image, &mask, 0.6, seed, Rendition::Trained);
        imposed.image
    };
    assert_ne!(glints(1), glints(2));
}

#[test]
fn a_map_tells_where_the_picture_changes() {
    let (image, mask) = a_frame();
    for renderer in [Renderer::Mucus, Renderer::Blood, Renderer::Reflection, Renderer::Overlay] {
        for rendition in BOTH {
            let imposed = renderer.impose(&image, &mask, 0.8, 2, rendition);
            let (before, after) = (image.pixels().chunks(3), imposed.image.pixels().chunks(3));
            let mut touched = 0;
            for ((before, after), acts) in before.zip(after).zip(&imposed.map) {
                assert!((0.0..=1.0).contains(acts));
                assert!(*acts > 0.0 || before == after, "{renderer} {rendition:?}");
                touched += usize::from(before != after);
            }
            assert!(touched > 50, "{renderer} {rendition:?}: {touched}");
        }
    }
}

#[test]
fn only_near_and_far_move_the_mask_and_they_move_it_with_the_picture() {
    // A white disc whose mask is known at every zoom.
    let (width, height) = (90, 70);
    let inside = |at: usize| {
        let (x, y) = ((at % width) as f32 - 44.5, (at / width) as f32 - 34.5);
        (x * x + y * y).sqrt() < 12.0
    };
    let pixels = (0..width * height).flat_map(|at| [if inside(at) { 250 } else { 60 }; 3]);
    let image = Image::from_rgb(width, height, pixels.collect()).unwrap();
    let classes = (0..width * height).map(|at| u8::from(inside(at))).collect();
    let mask = Mask::from_classes(width, height, classes).unwrap();
    let area = |mask: &Mask| mask.classes().iter().filter(|class| **class == 1).count();
    for renderer in Renderer::ALL {
        let imposed = renderer.impose(&image, &mask, 0.5, 4, Rendition::Trained);
        if !renderer.moves_pixels() {
            assert_eq!(imposed.mask, mask, "{renderer}");
            continue;
        }
        let grown = area(&imposed.mask) as f32 / area(&mask) as f32;
        let expected = imposed.zoom.scale.powi(-2);
        assert!((grown / expected - 1.0).abs() < 0.1, "{renderer}: {grown} {expected}");
        // The disc is where the mask says.
        let pixels = imposed.image.pixels().chunks(3).zip(imposed.mask.classes());
        let wrong = pixels.filter(|(pixel, class)| (pixel[1] > 140) != (**class == 1)).count();
        assert!(wrong < 40, "{renderer}: {wrong}");
    }
}

#[test]
fn pictures_of_every_size_can_be_changed() {
    for (width, height) in [(1, 1), (2, 90), (90, 3)] {
        let image = Image::from_rgb(width, height, vec![120; 3 * width * height]).unwrap();
        let mask = Mask::from_classes(width, height, vec![0; width * height]).unwrap();
        for renderer in Renderer::ALL {
            for rendition in BOTH {
                let imposed = renderer.impose(&image, &mask, 1.0, 1, rendition);
                assert_eq!(imposed.map.len(), width * height);
                assert_eq!((imposed.image.width(), imposed.image.height()), (width, height));
            }
        }
    }
}

#[test]
fn names_are_those_of_profiles() {
    for renderer in Renderer::ALL {
        assert_eq!(renderer.name().parse(), Ok(renderer));
    }
    let error = "smoke".parse::<Renderer>().unwrap_err();
    assert!(error.contains("smoke") && error.contains("narrow-band"));
}
