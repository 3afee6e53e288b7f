//! Which parts of an image the network sees: letterboxes, borders, tiles.

mod random_model;

use burn::tensor::Device;
use mcdrl_image::{Bounds, Image};
use mcdrl_runtime::{Model, Precision, Segmenter, Tiles, View};
use random_model::{assert_close, model};

/// An image without structure.
fn noise(width: usize, height: usize) -> Image {
    let value = |at: usize| (at * 7919 % 251) as u8;
    Image::from_rgb(width, height, (0..3 * width * height).map(value).collect()).unwrap()
}

/// An image in a black frame.
fn framed(image: &Image, [width, height]: [usize; 2], [left, top]: [usize; 2]) -> Image {
    let mut pixels = vec![0; 3 * width * height];
    for (row, line) in image.pixels().chunks_exact(3 * image.width()).enumerate() {
        pixels[3 * ((top + row) * width + left)..][..line.len()].copy_from_slice(line);
    }
    Image::from_rgb(width, height, pixels).unwrap()
}

#[test]
fn a_letterboxed_image_gives_the_middle_of_its_padded_square() {
    let model = model(&Device::flex());
    let segmenter = Segmenter::from_model(model).with_view(View::FRAME);
    let noise = |at: usize| (at * 7919 % 251) as u8;
    let wide = Image::from_rgb(64, 32, (0..3 * 64 * 32).map(noise).collect()).unwrap();
    let mut padded = vec![0; 3 * 64 * 64];
    padded[3 * 64 * 16..3 * 64 * 48].copy_from_slice(wide.pixels());
    let padded = Image::from_rgb(64, 64, padded).unwrap();
    let (wide, padded) = (segmenter.segment(&wide).unwrap(), segmenter.segment(&padded).unwrap());
    assert_eq!((wide.mask.width(), wide.mask.height()), (64, 32));
    // The bars of the padded square vote on a lesion's class, so only its pixels are compared.
    let [wide_lesions, padded_lesions] =
        [&wide, &padded].map(|s| s.mask.classes().iter().map(|&c| c > 0).collect::<Vec<_>>());
    assert_eq!(wide_lesions, padded_lesions[64 * 16..64 * 48]);
    let [wide_map, padded_map] = [&wide, &padded].map(|s| s.confidence_mask(0).unwrap());
    assert_close(&wide_map, &padded_map[64 * 16..64 * 48], 1e-5);
    let [rows, columns] = [wide.regions.rows, wide.regions.columns];
    // Of the 2 × 2 cells, whose centres are at 16 and 48 pixels, rows 16 to 47 have the upper ones.
    assert_eq!([rows, columns], [1, 2]);
    assert_eq!(wide.regions.retained, padded.regions.retained[..2]);
}

#[test]
fn a_border_changes_nothing_in_the_picture() {
    let segmenter = Segmenter::from_model(model(&Device::flex()));
    let picture = noise(160, 120);
    let frame = framed(&picture, [320, 200], [96, 48]);
    let (plain, found) = (segmenter.segment(&picture).unwrap(), segmenter.segment(&frame).unwrap());
    assert_eq!(found.area, Bounds { left: 96, top: 48, width: 160, height: 120 });
    assert_eq!(plain.area, Bounds { left: 0, top: 0, width: 160, height: 120 });
    assert_eq!(framed_mask(&plain.mask.to_owned(), [320, 200], [96, 48]), found.mask.classes());
    assert_eq!(found.confounders, plain.confounders);
    assert_eq!(found.expected_dice, plain.expected_dice);
    assert_eq!((plain.notes.len(), found.notes.len()), (0, 1));
    assert!(found.notes[0].contains("160 × 120"), "{:?}", found.notes);
    // Around the picture all maps say: background, certainly.
    let corner = |map: Option<Vec<f32>>| map.unwrap()[0];
    assert_eq!(corner(found.confidence_mask(0)), 1.0);
    assert_eq!(corner(found.confidence_mask(1)), 0.0);
    assert_eq!((corner(found.confounder_map(0)), found.uncertainty_map()[0]), (0.0, 0.0));
    let rows = &found.uncertainty_map()[320 * 48..320 * 168];
    let inside: Vec<f32> = rows.chunks_exact(320).flat_map(|row| row[96..256].to_vec()).collect();
    assert_close(&inside, &plain.uncertainty_map(), 1e-6);
    for (lesion, same) in found.lesions.iter().zip(&plain.lesions) {
        let [left, top, width, height] = same.bounds;
        assert_eq!(lesion.bounds, [left + 96, top + 48, width, height]);
    }
    let whole = segmenter.with_view(View::FRAME).segment(&frame).unwrap();
    assert_eq!(whole.area, Bounds { left: 0, top: 0, width: 320, height: 200 });
    assert!(whole.notes.is_empty());
}

fn framed_mask(
    mask: &mcdrl_image::Mask,
    [width, height]: [usize; 2],
    [left, top]: [usize; 2],
) -> Vec<u8> {
    let mut classes = vec![0; width * height];
    for (row, line) in mask.classes().chunks_exact(mask.width()).enumerate() {
        classes[(top + row) * width + left..][..line.len()].copy_from_slice(line);
    }
    classes
}

#[test]
fn tiles_keep_the_size_and_sum_to_one() {
    let device = Device::flex();
    let bytes = model(&device).to_bytes(Precision::Full);
    let open = || Segmenter::from_model(Model::from_bytes(&bytes, &device).unwrap());
    let image = noise(200, 130);
    let plain = open().segment(&image).unwrap();
    let tiled = |tiles| {
        open().with_view(View { tiles: Some(tiles), ..View::default() }).segment(&image).unwrap()
    };
    let closer = tiled(Tiles { side: Some(100), ..Tiles::default() });
    assert_eq!((closer.mask.width(), closer.mask.height()), (200, 130));
    let labels = 0..=plain.classes.len();
    let masks: Vec<Vec<f32>> = labels.map(|label| closer.confidence_mask(label).unwrap()).collect();
    for at in 0..200 * 130 {
        let sum: f32 = masks.iter().map(|mask| mask[at]).sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum} at {at}");
    }
    assert_ne!(closer.confidence_mask(0), plain.confidence_mask(0));
    // What the image as a whole shows does not come from tiles.
    assert_eq!((&closer.confounders, closer.unfamiliar), (&plain.confounders, plain.unfamiliar));
    // One tile would be the whole image.
    let same = tiled(Tiles { side: Some(200), ..Tiles::default() });
    assert_eq!(same.mask, plain.mask);
}
