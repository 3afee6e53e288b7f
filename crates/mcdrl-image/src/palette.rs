//! The colours of the classes, for every package and app.

/// The colours (RGB) of the mask values 1, 2, …: distinct for every kind of colour vision (after Okabe and Ito 2008).
pub const PALETTE: [[u8; 3]; 6] = [
    [0, 200, 150],
    [240, 228, 66],
    [86, 180, 233],
    [230, 120, 220],
    [255, 150, 40],
    [255, 255, 255],
];

/// The colour of mask value `class`. The palette repeats after its last colour; the background (0) is black.
pub fn class_color(class: u8) -> [u8; 3] {
    match class {
        0 => [0; 3],
        _ => PALETTE[(usize::from(class) - 1) % PALETTE.len()],
    }
}
