//! The connected parts of a mask: boxes, areas and outlines.

use crate::Mask;

/// A connected part of a mask. Two pixels are neighbours if they share a side or a corner. Their classes may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The class of most of its pixels.
    pub class: u8,
    /// The number of its pixels.
    pub pixels: usize,
    /// The smallest rectangle around it.
    pub bounds: Bounds,
    /// The corners of its outer rim, clockwise, in pixels from the image's top left corner. They lie on the edges of pixels, and
    /// at most one pixel from the exact rim.
    pub outline: Vec<[u32; 2]>,
}

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first column.
    pub left: u32,
    /// The first row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// The parts of a mask with the part of each pixel.
pub struct Components {
    /// The parts, the largest first.
    pub parts: Vec<Component>,
    /// For each pixel the index of its part plus one; 0 for the background.
    labels: Vec<u32>,
}

/// The corners of an outline may lie this far from the exact rim, pixels.
const TOLERANCE: f64 = 1.0;

impl Components {
    /// Finds the parts of a mask.
    pub fn of(mask: &Mask) -> Self {
        let mut labels = vec![0; mask.classes().len()];
        let mut parts = Vec::new();
        for start in 0..labels.len() {
            if mask.classes()[start] != 0 && labels[start] == 0 {
                let label = parts.len() as u32 + 1;
                parts.push(fill(mask, &mut labels, start, label));
            }
        }
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(parts[*index].pixels));
        let mut places = vec![0; parts.len()];
        for (place, index) in order.iter().enumerate() {
            places[*index] = place as u32 + 1;
        }
        labels
            .iter_mut()
            .filter(|label| **label != 0)
            .for_each(|label| *label = places[*label as usize - 1]);
        let parts = order.into_iter().map(|index| parts[index].clone()).collect();
        Self { parts, labels }
    }

    /// The index of the part of a pixel; `None` for the background.
    pub fn part_at(&self, pixel: usize) -> Option<usize> {
        (self.labels[pixel] as usize).checked_sub(1)
    }
}

/// Labels the part that holds the pixel `start`, which is its first one in reading order.
fn fill(mask: &Mask, labels: &mut [u32], start: usize, label: u32) -> Component {
    let (width, height) = (mask.width(), mask.height());
    let (mut left, mut right, mut bottom) = (width, 0, 0);
    let mut counts = [0usize; 256];
    let mut open = vec![start];
    labels[start] = label;
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        counts[usize::from(mask.classes()[at])] += 1;
        (left, right, bottom) = (left.min(x), right.max(x), bottom.max(y));
        for row in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for column in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let next = row * width + column;
                if mask.classes()[next] != 0 && labels[next] == 0 {
                    labels[next] = label;
                    open.push(next);
                }
            }
        }
    }
    let top = start / width;
    let class =
        (1..=255).max_by_key(|class| (counts[usize::from(*class)], std::cmp::Reverse(*class)));
    let is_inside = |x: i64, y: i64| {
        let inner = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
        inner && labels[y as usize * width + x as usize] == label
    };
    Component {
        class: class.unwrap_or(1),
        pixels: counts.iter().sum(),
        bounds: Bounds {
            left: left as u32,
            top: top as u32,
            width: (right - left + 1) as u32,
            height: (bottom - top + 1) as u32,
        },
        outline: simplified(&rim((start % width) as i64, top as i64, is_inside)),
    }
}

/// The corners of a part's outer rim, clockwise from the top left corner of its first pixel. The part lies to the right of the way.
fn rim(x: i64, y: i64, is_inside: impl Fn(i64, i64) -> bool) -> Vec<[u32; 2]> {
    let (start, mut at, mut way) = ((x, y), (x, y), (1, 0));
    let mut corners = Vec::new();
    loop {
        let before = way;
        // The pixels ahead, to the left and to the right of the way. Their corners touch where the way is.
        let pixel = |(dx, dy): (i64, i64)| (at.0 + (dx - 1) / 2, at.1 + (dy - 1) / 2);
        let left = pixel((way.0 + way.1, way.1 - way.0));
        let right = pixel((way.0 - way.1, way.1 + way.0));
        if is_inside(left.0, left.1) {
            way = (way.1, -way.0);
        } else if !is_inside(right.0, right.1) {
            way = (-way.1, way.0);
        }
        if way != before {
            corners.push([at.0 as u32, at.1 as u32]);
        }
        if corners.len() > 1 && at == start && way == (1, 0) {
            corners.pop();
            return corners;
        }
        at = (at.0 + way.0, at.1 + way.1);
        if corners.is_empty() {
            corners.push([start.0 as u32, start.1 as u32]);
        }
    }
}

/// Leaves out corners of a closed outline that lie near to the line between others (Ramer, Douglas and Peucker).
fn simplified(corners: &[[u32; 2]]) -> Vec<[u32; 2]> {
    let far = |from: [u32; 2], to: [u32; 2]| {
        f64::from(from[0].abs_diff(to[0])).hypot(f64::from(from[1].abs_diff(to[1])))
    };
    let opposite = (0..corners.len())
        .max_by(|a, b| far(corners[0], corners[*a]).total_cmp(&far(corners[0], corners[*b])));
    let Some(opposite) = opposite.filter(|_| corners.len() > 4) else { return corners.to_vec() };
    let closed: Vec<[u32; 2]> = corners.iter().chain(&corners[..1]).copied().collect();
    let mut kept = vec![false; closed.len()];
    (kept[0], kept[opposite]) = (true, true);
    let mut open = vec![(0, opposite), (opposite, corners.len())];
    while let Some((from, to)) = open.pop() {
        let away = |at: usize| distance(closed[at], closed[from], closed[to]);
        let farthest = (from + 1..to).max_by(|a, b| away(*a).total_cmp(&away(*b)));
        if let Some(farthest) = farthest.filter(|at| away(*at) > TOLERANCE) {
            kept[farthest] = true;
            open.extend([(from, farthest), (farthest, to)]);
        }
    }
    corners.iter().zip(kept).filter(|(_, is_kept)| *is_kept).map(|(corner, _)| *corner).collect()
}

/// The distance of a point from the line through two others.
fn distance(point: [u32; 2], from: [u32; 2], to: [u32; 2]) -> f64 {
    let [[px, py], [ax, ay], [bx, by]] = [point, from, to].map(|corner| corner.map(f64::from));
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx.hypot(dy);
    if length == 0.0 {
        (px - ax).hypot(py - ay)
    } else {
        (dy * (px - ax) - dx * (py - ay)).abs() / length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(rows: &[&str]) -> (Vec<Component>, Components) {
        let classes = rows.concat().bytes().map(|byte| byte - b'0').collect();
        let mask = Mask::from_classes(rows[0].len(), rows.len(), classes).unwrap();
        let found = Components::of(&mask);
        (found.parts.clone(), found)
    }

    #[test]
    fn parts_have_boxes_areas_and_outlines() {
        let (found, components) = parts(&["00000", "01100", "01100", "00000", "00002"]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].pixels, found[0].class), (4, 1));
        assert_eq!(found[0].bounds, Bounds { left: 1, top: 1, width: 2, height: 2 });
        assert_eq!(found[0].outline, [[1, 1], [3, 1], [3, 3], [1, 3]]);
        assert_eq!(found[1].outline, [[4, 4], [5, 4], [5, 5], [4, 5]]);
        assert_eq!(
            (components.part_at(6), components.part_at(24), components.part_at(0)),
            (Some(0), Some(1), None)
        );
    }

    #[test]
    fn corners_connect_and_the_largest_class_counts() {
        let (found, _) = parts(&["100", "022", "002"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].class, found[0].pixels), (2, 4));
        assert_eq!(found[0].bounds, Bounds { left: 0, top: 0, width: 3, height: 3 });
    }

    #[test]
    fn an_outline_goes_around_holes_and_ends() {
        let (found, _) = parts(&["111", "101", "111"]);
        assert_eq!(found[0].outline, [[0, 0], [3, 0], [3, 3], [0, 3]]);
        let (whole, _) = parts(&["11", "11"]);
        assert_eq!(whole[0].outline, [[0, 0], [2, 0], [2, 2], [0, 2]]);
    }

    #[test]
    fn the_outline_of_a_disc_has_few_corners_and_its_area() {
        let side = 101;
        let inside = |at: usize| {
            (at % side).abs_diff(50).pow(2) + (at / side).abs_diff(50).pow(2) <= 40 * 40
        };
        let mask = Mask::from_classes(
            side,
            side,
            (0..side * side).map(|at| u8::from(inside(at))).collect(),
        );
        let found = &Components::of(&mask.unwrap()).parts[0];
        let next = found.outline.iter().cycle().skip(1);
        let cross = |(a, b): (&[u32; 2], &[u32; 2])| {
            f64::from(a[0]) * f64::from(b[1]) - f64::from(b[0]) * f64::from(a[1])
        };
        let area = found.outline.iter().zip(next).map(cross).sum::<f64>() / 2.0;
        assert!((area / found.pixels as f64 - 1.0).abs() < 0.03, "{area} and {}", found.pixels);
        assert!(found.outline.len() < 60, "{}", found.outline.len());
    }
}
