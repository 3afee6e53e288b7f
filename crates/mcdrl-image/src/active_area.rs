//! Where a frame shows the picture: screen captures also have borders, panels and text.

use std::collections::HashMap;

use crate::{Bounds, Image};

/// The picture within a frame, in cells.
pub struct ActiveArea {
    /// The smallest rectangle around the picture, in pixels.
    pub bounds: Bounds,
    /// The side of a cell, pixels.
    cell: usize,
    /// Cells in a row.
    columns: usize,
    /// Whether each cell belongs to the picture, row-major.
    shows: Vec<bool>,
    /// Whether it is large enough, and no other picture is nearly as large.
    is_clear: bool,
}

/// About this many cells lie along the longer side of a frame.
const CELLS: usize = 128;

/// A cell belongs to the picture if this share of its pixels is no background.
const LIVE: f64 = 0.5;

/// A row or column of the picture shows something in at least this share of it. Lines of text and thin frames show less.
const COVERED: f64 = 0.2;

/// The background of a border varies by at most this, of 255. It varies more where a picture fades into it.
const FLAT: u8 = 7;

/// The picture next to a border is at least this far from the background, of 255: the mean of its pixels.
const SHARP: f64 = 36.0;

/// A picture on less than this share of the frame is not trusted.
const SMALLEST: f64 = 0.1;

/// If the other pictures in the frame are larger than this, as a share of the largest one, then it is not clear which one is meant.
const OTHERS: f64 = 0.25;

/// A part with one colour on more than this share of it is a panel.
const PANEL: f64 = 0.3;

/// A picture on at least this share of the frame is segmented with its border. Models know narrow borders from their training, and leaving
/// them out gained nothing on real images.
const WHOLE: f64 = 0.66;

/// Frames with a shorter side, in pixels, are not searched.
const SHORTEST: usize = 64;

impl Image {
    /// The part of the frame that shows the picture: without wide borders, panels and text around it. `None` if that is the whole
    /// frame, or if it is not clear.
    ///
    /// Background is what has a colour that the rim of the frame shows again and again. The picture is the largest connected part of
    /// the rest.
    pub fn active_area(&self) -> Option<Bounds> {
        ActiveArea::of(self).map(|area| area.bounds)
    }

    /// The image with black where the frame shows no picture. Text that was drawn onto the picture, or that touches it, stays. `None` if
    /// nothing around a picture was found.
    pub fn redacted(&self) -> Option<Self> {
        let area = ActiveArea::within(self)?;
        let mut redacted = self.clone();
        for (at, pixel) in redacted.pixels_mut().chunks_exact_mut(3).enumerate() {
            if !area.shows(at % self.width(), at / self.width()) {
                pixel.fill(0);
            }
        }
        Some(redacted)
    }
}

impl ActiveArea {
    /// The picture, if it is smaller than the frame.
    fn of(image: &Image) -> Option<Self> {
        let area = Self::within(image)?;
        let pixels = f64::from(area.bounds.width) * f64::from(area.bounds.height);
        let share = pixels / (image.width() * image.height()) as f64;
        (area.is_clear && share < WHOLE).then_some(area)
    }

    /// The largest picture, if the frame has a background.
    fn within(image: &Image) -> Option<Self> {
        let (width, height) = (image.width(), image.height());
        if width.min(height) < SHORTEST {
            return None;
        }
        let background = Background::of(image)?;
        let is_live: Vec<bool> =
            image.pixels().chunks_exact(3).map(|pixel| !background.has(pixel)).collect();
        let cell = width.max(height).div_ceil(CELLS).max(4);
        let columns = width.div_ceil(cell);
        let cells = live_cells(&is_live, [width, height], cell);
        let rows = cells.len() / columns;
        let mut pictures = parts(&cells, columns);
        pictures.retain(|part| !is_panel(image, cell, columns, part));
        pictures.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let (largest, others) = pictures.split_first()?;
        let others: usize = others.iter().map(Vec::len).sum();
        let is_alone = others as f64 <= OTHERS * largest.len() as f64;
        let mut shows = vec![false; cells.len()];
        largest.iter().for_each(|at| shows[*at] = true);
        let bounds = trimmed([0, 0, columns, rows], |strip| is_covered(&shows, columns, strip))?;
        for (at, shows) in shows.iter_mut().enumerate() {
            *shows &= inside(bounds, at % columns, at / columns);
        }
        fill_holes(&mut shows, columns);
        let share = shows.iter().filter(|shows| **shows).count() as f64 / shows.len() as f64;
        // From cells to pixels.
        let [left, top, right, bottom] = bounds.map(|side| side * cell);
        let [right, bottom] = [right.min(width), bottom.min(height)];
        let found =
            trimmed([left, top, right, bottom], |strip| is_covered(&is_live, width, strip))?;
        // A picture that fades into the background, as ultrasound does, goes on up to the rim.
        let [l, t, r, b] = found;
        let strips =
            [[0, 0, l, height], [0, 0, width, t], [r, 0, width, height], [0, b, width, height]];
        let deep = |from: usize, to: usize| cell.min(to - from);
        let bands = [
            [l, t, l + deep(l, r), b],
            [l, t, r, t + deep(t, b)],
            [r - deep(l, r), t, r, b],
            [l, b - deep(t, b), r, b],
        ];
        let is_border = [0, 1, 2, 3].map(|side| {
            background.spread(image, strips[side]) <= FLAT
                && background.distance(image, &is_live, bands[side]) >= SHARP
        });
        let rim = [0, 0, width, height];
        let side = |at: usize| if is_border[at] { found[at] } else { rim[at] };
        let [left, top, right, bottom] = [0, 1, 2, 3].map(side);
        let bounds = Bounds {
            left: left as u32,
            top: top as u32,
            width: (right - left) as u32,
            height: (bottom - top) as u32,
        };
        for side in (0..4).filter(|side| !is_border[*side]) {
            go_on(&mut shows, columns, side);
        }
        fill_holes(&mut shows, columns);
        let is_clear = share >= SMALLEST && is_alone;
        Some(Self { bounds, cell, columns, shows, is_clear })
    }

    fn shows(&self, x: usize, y: usize) -> bool {
        self.shows[y / self.cell * self.columns + x / self.cell]
    }
}

/// Colours that the rim of a frame shows again and again.
struct Background(Vec<Color>);

struct Color {
    /// The middle of its range in each channel.
    middle: [u8; 3],
    /// How far a channel may be from it.
    reach: u8,
}

impl Color {
    /// Below this, a colour is black to the eye.
    const DARK: u8 = 32;
    /// Compression makes black noisy.
    const BLACK_REACH: u8 = 12;
    /// Tissue must not be near to a bright background.
    const BRIGHT_REACH: u8 = 3;

    fn has(&self, pixel: &[u8]) -> bool {
        self.distance(pixel) <= self.reach
    }

    fn distance(&self, pixel: &[u8]) -> u8 {
        let far = pixel.iter().zip(self.middle).map(|(value, middle)| value.abs_diff(middle));
        far.max().unwrap_or(0)
    }
}

impl Background {
    /// A background colour covers this share of the rim.
    const SHARE: f64 = 0.12;

    /// `None` if the rim has no such colour.
    fn of(image: &Image) -> Option<Self> {
        let (width, height) = (image.width(), image.height());
        let across = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
        let down = (0..height).flat_map(|y| [(0, y), (width - 1, y)]);
        let mut rim: Vec<[u8; 3]> = across.chain(down).map(|(x, y)| pixel(image, x, y)).collect();
        let enough = (Self::SHARE * rim.len() as f64) as usize;
        let mut colors = Vec::new();
        loop {
            rim.sort_unstable();
            // The most frequent colour, and what is near to it.
            let Some(middle) = rim.chunk_by(|a, b| a == b).max_by_key(|same| same.len()) else {
                break;
            };
            let middle = middle[0];
            let is_dark = middle.iter().all(|value| *value < Color::DARK);
            let reach = if is_dark { Color::BLACK_REACH } else { Color::BRIGHT_REACH };
            let color = Color { middle, reach };
            let before = rim.len();
            rim.retain(|pixel| !color.has(pixel));
            if before - rim.len() < enough.max(1) {
                break;
            }
            colors.push(color);
        }
        (!colors.is_empty()).then_some(Self(colors))
    }

    /// How far live pixels in a rectangle are from the nearest background colour, in the channel that is farthest: the mean.
    fn distance(
        &self,
        image: &Image,
        is_live: &[bool],
        [left, top, right, bottom]: [usize; 4],
    ) -> f64 {
        let at = (top..bottom).flat_map(|y| (left..right).map(move |x| y * image.width() + x));
        let (mut sum, mut count) = (0.0, 0.0);
        for at in at.filter(|at| is_live[*at]) {
            let pixel = &image.pixels()[3 * at..3 * at + 3];
            let far = self.0.iter().map(|color| color.distance(pixel)).min().unwrap_or(0);
            (sum, count) = (sum + f64::from(far), count + 1.0);
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }

    /// How much the background varies in a rectangle: the distance from its colour, between the 10th and the 90th percentile.
    fn spread(&self, image: &Image, [left, top, right, bottom]: [usize; 4]) -> u8 {
        let mut counts = [0usize; 1 + Color::BLACK_REACH as usize];
        for y in top..bottom {
            let row = &image.pixels()[3 * (y * image.width() + left)..][..3 * (right - left)];
            for pixel in row.chunks_exact(3) {
                if let Some(color) = self.0.iter().find(|color| color.has(pixel)) {
                    counts[usize::from(color.distance(pixel))] += 1;
                }
            }
        }
        let all: usize = counts.iter().sum();
        let percentile = |percent: usize| {
            let mut below = 0;
            let reached = |count: &usize| {
                below += count;
                below * 100 >= all * percent
            };
            counts.iter().position(reached).unwrap_or(0) as u8
        };
        percentile(90) - percentile(10)
    }

    fn has(&self, pixel: &[u8]) -> bool {
        self.0.iter().any(|color| color.has(pixel))
    }
}

fn pixel(image: &Image, x: usize, y: usize) -> [u8; 3] {
    let at = 3 * (y * image.width() + x);
    [image.pixels()[at], image.pixels()[at + 1], image.pixels()[at + 2]]
}

/// The cells with enough live pixels, row-major.
fn live_cells(is_live: &[bool], [width, height]: [usize; 2], cell: usize) -> Vec<bool> {
    let starts = |length: usize| (0..length).step_by(cell);
    let cells = starts(height).flat_map(|top| starts(width).map(move |left| (top, left)));
    let live = |(top, left): (usize, usize)| {
        let (bottom, right) = ((top + cell).min(height), (left + cell).min(width));
        let pixels = (top..bottom).flat_map(|row| &is_live[row * width..][left..right]);
        let live = pixels.filter(|live| **live).count();
        live as f64 >= LIVE * ((bottom - top) * (right - left)) as f64
    };
    cells.map(live).collect()
}

/// Whether enough of a strip is set, in a map with `columns` columns.
fn is_covered(map: &[bool], columns: usize, [left, top, right, bottom]: [usize; 4]) -> bool {
    let strip = (top..bottom).flat_map(|row| &map[row * columns..][left..right]);
    let set = strip.filter(|is_set| **is_set).count();
    set as f64 >= COVERED * ((right - left) * (bottom - top)) as f64
}

/// The parts whose cells are connected by their sides.
fn parts(cells: &[bool], columns: usize) -> Vec<Vec<usize>> {
    let mut open = cells.to_vec();
    let parts = (0..cells.len()).map(|start| flood(&mut open, columns, start));
    parts.filter(|part| !part.is_empty()).collect()
}

/// Whether a part has one colour almost everywhere, as panels and menus have. It looks at the middle of each cell.
fn is_panel(image: &Image, cell: usize, columns: usize, part: &[usize]) -> bool {
    let mut counts = HashMap::new();
    for at in part {
        let x = (at % columns * cell + cell / 2).min(image.width() - 1);
        let y = (at / columns * cell + cell / 2).min(image.height() - 1);
        *counts.entry(pixel(image, x, y).map(|value| value / 2)).or_insert(0usize) += 1;
    }
    let most = counts.into_values().max().unwrap_or(0);
    most as f64 > PANEL * part.len() as f64
}

/// Takes the connected cells from `start` on out of `open`.
fn flood(open: &mut [bool], columns: usize, start: usize) -> Vec<usize> {
    if !std::mem::take(&mut open[start]) {
        return Vec::new();
    }
    let (mut part, mut next) = (vec![start], 0);
    while let Some(&at) = part.get(next) {
        next += 1;
        let neighbours = [
            at.checked_sub(columns),
            Some(at + columns),
            (at % columns > 0).then(|| at - 1),
            (at % columns + 1 < columns).then(|| at + 1),
        ];
        for at in neighbours.into_iter().flatten() {
            if open.get_mut(at).is_some_and(std::mem::take) {
                part.push(at);
            }
        }
    }
    part
}

/// Adds the cells that the picture encloses: glare and shadow.
fn fill_holes(shows: &mut [bool], columns: usize) {
    let mut outside: Vec<bool> = shows.iter().map(|shows| !shows).collect();
    let rows = shows.len() / columns;
    let rim = (0..shows.len()).filter(|at| {
        let (x, y) = (at % columns, at / columns);
        x == 0 || y == 0 || x + 1 == columns || y + 1 == rows
    });
    for start in rim {
        flood(&mut outside, columns, start);
    }
    // The flood from the rim leaves the enclosed cells.
    for (shows, enclosed) in shows.iter_mut().zip(outside) {
        *shows |= enclosed;
    }
}

/// Lets the picture go on up to a side of the frame: left (0), top, right or bottom (3).
fn go_on(shows: &mut [bool], columns: usize, side: usize) {
    let (is_across, is_forwards) = (side.is_multiple_of(2), side >= 2);
    let rows = shows.len() / columns;
    let (lines, length) = if is_across { (rows, columns) } else { (columns, rows) };
    for line in 0..lines {
        let at = |step: usize| {
            let step = if is_forwards { step } else { length - 1 - step };
            if is_across { line * columns + step } else { step * columns + line }
        };
        let last = (0..length).rev().find(|step| shows[at(*step)]);
        for step in last.unwrap_or(length)..length {
            shows[at(step)] = true;
        }
    }
}

/// Takes rows and columns off a rectangle (left, top, right, bottom) until each side is covered. `None` if nothing is left.
fn trimmed(rectangle: [usize; 4], is_covered: impl Fn([usize; 4]) -> bool) -> Option<[usize; 4]> {
    let [mut left, mut top, mut right, mut bottom] = rectangle;
    while left < right && top < bottom {
        if !is_covered([left, top, left + 1, bottom]) {
            left += 1;
        } else if !is_covered([right - 1, top, right, bottom]) {
            right -= 1;
        } else if !is_covered([left, top, right, top + 1]) {
            top += 1;
        } else if !is_covered([left, bottom - 1, right, bottom]) {
            bottom -= 1;
        } else {
            return Some([left, top, right, bottom]);
        }
    }
    None
}

fn inside([left, top, right, bottom]: [usize; 4], x: usize, y: usize) -> bool {
    (left..right).contains(&x) && (top..bottom).contains(&y)
}
