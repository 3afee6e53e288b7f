//! The picture within a frame: borders, panels, text, pictures in pictures.

use mcdrl_image::{Bounds, Image};

const WIDTH: usize = 640;
const HEIGHT: usize = 400;

/// A frame of one colour.
struct Frame(Vec<u8>);

impl Frame {
    fn of(color: [u8; 3]) -> Self {
        Self(color.repeat(WIDTH * HEIGHT))
    }

    fn set(&mut self, x: usize, y: usize, color: [u8; 3]) {
        self.0[3 * (y * WIDTH + x)..][..3].copy_from_slice(&color);
    }

    /// A reddish wall with waves and grain.
    fn picture(mut self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let mut grain = 7u32;
        for y in top..top + height {
            for x in left..left + width {
                grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let wave = (40.0 * (x as f32 / 23.0).sin() * (y as f32 / 31.0).cos()) as i32;
                let shade = 150 + wave + (grain >> 28) as i32;
                self.set(x, y, [shade as u8, (shade / 2) as u8, (shade / 3) as u8]);
            }
        }
        self
    }

    /// Lines of text: strokes two pixels wide, with gaps.
    fn text(mut self, left: usize, top: usize, color: [u8; 3]) -> Self {
        for line in 0..5 {
            for x in 0..120 {
                for y in 0..14 {
                    if x % 12 < 8 && (x % 6 < 2 || y % 6 < 2) {
                        self.set(left + x, top + 22 * line + y, color);
                    }
                }
            }
        }
        self
    }

    fn image(self) -> Image {
        Image::from_rgb(WIDTH, HEIGHT, self.0).unwrap()
    }
}

/// The area, in a form in which a few pixels more or less do not matter.
fn assert_area(image: &Image, expected: [u32; 4]) {
    let Bounds { left, top, width, height } = image.active_area().expect("a picture in a frame");
    let found = [left, top, left + width, top + height];
    let right = [expected[0], expected[1], expected[0] + expected[2], expected[1] + expected[3]];
    for (found, right) in found.iter().zip(right) {
        assert!(found.abs_diff(right) <= 5, "found {found:?}, not {expected:?}");
    }
}

const BACKGROUNDS: [[u8; 3]; 4] = [[0, 0, 0], [10, 12, 11], [214, 219, 226], [40, 60, 110]];

#[test]
fn borders_panels_and_text_are_left_out() {
    for background in BACKGROUNDS {
        let text = if background[0] > 100 { [10, 10, 30] } else { [235, 235, 235] };
        let capture = Frame::of(background).picture(220, 30, 390, 340).text(30, 40, text);
        assert_area(&capture.image(), [220, 30, 390, 340]);
    }
}

#[test]
fn of_two_pictures_the_larger_counts() {
    let capture = Frame::of([0; 3]).picture(260, 20, 360, 360).picture(20, 240, 180, 140);
    assert_area(&capture.image(), [260, 20, 360, 360]);
}

#[test]
fn a_panel_is_no_picture() {
    let mut capture = Frame::of([0; 3]).picture(20, 60, 300, 260);
    for y in 20..380 {
        for x in 330..620 {
            capture.set(x, y, [70, 72, 80]);
        }
    }
    let image = capture.text(360, 60, [230; 3]).text(360, 200, [230; 3]).image();
    assert_area(&image, [20, 60, 300, 260]);
    let redacted = image.redacted().unwrap();
    assert!(redacted.pixels().chunks_exact(3).all(|pixel| pixel != [230; 3]));
}

#[test]
fn among_several_large_pictures_none_is_chosen() {
    let pair = Frame::of([0; 3]).picture(20, 60, 280, 280).picture(340, 60, 270, 270).image();
    assert_eq!(pair.active_area(), None);
}

#[test]
fn a_round_picture_keeps_its_whole_width() {
    let mut round = Frame::of([5, 5, 6]).picture(0, 0, WIDTH, HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            if x.abs_diff(330).pow(2) + y.abs_diff(200).pow(2) > 150 * 150 {
                round.set(x, y, [5, 5, 6]);
            }
        }
    }
    assert_area(&round.image(), [180, 50, 300, 300]);
}

#[test]
fn frames_without_a_border_stay_whole() {
    let full = Frame::of([0; 3]).picture(0, 0, WIDTH, HEIGHT);
    assert_eq!(full.image().active_area(), None);
    let narrow_border = Frame::of([0; 3]).picture(40, 20, WIDTH - 80, HEIGHT - 40).image();
    assert_eq!(narrow_border.active_area(), None);
    // Its border can be blacked out all the same.
    assert!(narrow_border.redacted().is_some());
    for background in BACKGROUNDS {
        assert_eq!(Frame::of(background).image().active_area(), None);
        // Too small to be the picture.
        let stamp = Frame::of(background).picture(300, 200, 80, 60);
        assert_eq!(stamp.image().active_area(), None);
    }
    let tiny = Image::from_rgb(40, 40, vec![9; 4800]).unwrap();
    assert!(tiny.active_area().is_none() && tiny.redacted().is_none());
}

#[test]
fn a_picture_that_fades_into_black_goes_on() {
    // Ultrasound: bright near to the probe, then darker and darker.
    let mut grain = 3u32;
    let pixels = (0..WIDTH * HEIGHT).flat_map(|at| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let left = 1.0 - (at / WIDTH) as f32 / HEIGHT as f32;
        [(200.0 * left * left * ((grain >> 16) as f32 / 65536.0)) as u8; 3]
    });
    let image = Image::from_rgb(WIDTH, HEIGHT, pixels.collect()).unwrap();
    assert_eq!(image.active_area(), None);
    let redacted = image.redacted().unwrap();
    let pairs = image.pixels().iter().zip(redacted.pixels());
    let changed = pairs.filter(|(before, after)| before != after).count();
    // Single dark cells at the rim.
    assert!(changed < image.pixels().len() / 50, "{changed} values were blacked out");
}

#[test]
fn redaction_blacks_out_text_and_keeps_the_picture() {
    for background in BACKGROUNDS {
        let capture = Frame::of(background).picture(220, 30, 390, 340);
        let plain = capture.image();
        let capture = Frame(plain.pixels().to_vec()).text(30, 40, [250, 20, 250]).image();
        let redacted = capture.redacted().unwrap();
        assert_eq!((redacted.width(), redacted.height()), (WIDTH, HEIGHT));
        assert!(redacted.pixels().chunks_exact(3).all(|pixel| pixel != [250, 20, 250]));
        for (x, y) in [(240, 50), (400, 200), (600, 350)] {
            let at = 3 * (y * WIDTH + x);
            assert_eq!(redacted.pixels()[at..at + 3], capture.pixels()[at..at + 3]);
        }
    }
    // Text in the black corner of a round picture, within the rectangle around it.
    let mut corner = Frame::of([0; 3]).picture(0, 0, WIDTH, HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            if x.abs_diff(320).pow(2) + y.abs_diff(200).pow(2) > 200 * 200 {
                corner.set(x, y, [0; 3]);
            }
        }
    }
    let redacted = corner.text(2, 2, [255; 3]).image().redacted().unwrap();
    assert!(redacted.pixels().chunks_exact(3).all(|pixel| pixel != [255; 3]));
}
