//! Areas of a mask: polygons, circles and run lengths.

/// An area.
#[derive(Clone, Debug, PartialEq)]
pub enum Area {
    /// The inside of a polygon: corners (x, y) in pixels from the top left corner of the image.
    Polygon(Vec<[f64; 2]>),
    /// A circle: its centre and its radius.
    Circle([f64; 2], f64),
    /// COCO's run lengths: pixels outside, inside, outside …, column by column.
    Runs {
        /// Width and height.
        size: [usize; 2],
        /// The lengths.
        lengths: Vec<usize>,
    },
}

impl Area {
    /// The number of its pixels, about.
    pub fn extent(&self) -> f64 {
        match self {
            Self::Polygon(corners) => {
                let twice: f64 = edges(corners).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
                twice.abs() / 2.0
            }
            Self::Circle(_, radius) => std::f64::consts::PI * radius * radius,
            Self::Runs { lengths, .. } => {
                lengths.iter().skip(1).step_by(2).map(|length| *length as f64).sum()
            }
        }
    }

    /// Gives the pixels whose centre lies inside a class.
    ///
    /// # Errors
    /// A problem in words.
    pub fn fill(
        &self,
        classes: &mut [u8],
        [width, height]: [usize; 2],
        class: u8,
    ) -> Result<(), String> {
        match self {
            Self::Polygon(corners) => {
                for (row, line) in classes.chunks_exact_mut(width).enumerate() {
                    let crossings = crossings(corners, row as f64 + 0.5);
                    for inside in crossings.chunks_exact(2) {
                        fill_between(line, inside[0], inside[1], class);
                    }
                }
            }
            Self::Circle([x, y], radius) => {
                for (row, line) in classes.chunks_exact_mut(width).enumerate() {
                    let down = row as f64 + 0.5 - y;
                    if down.abs() < *radius {
                        let half = (radius * radius - down * down).sqrt();
                        fill_between(line, x - half, x + half, class);
                    }
                }
            }
            Self::Runs { size, lengths } => {
                if *size != [width, height] {
                    return Err(format!(
                        "its mask has {}×{} pixels but the image has {width}×{height}",
                        size[0], size[1]
                    ));
                }
                let sum = lengths.iter().try_fold(0usize, |sum, length| sum.checked_add(*length));
                if sum != Some(width * height) {
                    return Err(
                        "the run lengths of its mask have another sum than its pixels".into()
                    );
                }
                let mut at = 0;
                for (number, length) in lengths.iter().enumerate() {
                    if number % 2 == 1 {
                        for pixel in at..at + length {
                            classes[pixel % height * width + pixel / height] = class;
                        }
                    }
                    at += length;
                }
            }
        }
        Ok(())
    }
}

/// The edges of a polygon: their two ends.
fn edges(corners: &[[f64; 2]]) -> impl Iterator<Item = (&[f64; 2], &[f64; 2])> {
    corners.iter().zip(corners.iter().cycle().skip(1))
}

/// Where a horizontal line crosses the edges of a polygon, from left to right.
fn crossings(corners: &[[f64; 2]], y: f64) -> Vec<f64> {
    let crossing = edges(corners).filter(|(a, b)| (a[1] <= y) != (b[1] <= y));
    let mut found: Vec<f64> =
        crossing.map(|(a, b)| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])).collect();
    found.sort_by(f64::total_cmp);
    found
}

fn fill_between(line: &mut [u8], left: f64, right: f64, class: u8) {
    let pixel = |x: f64| (x - 0.5).ceil().clamp(0.0, line.len() as f64) as usize;
    let (left, right) = (pixel(left), pixel(right));
    if left < right {
        line[left..right].fill(class);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(area: &Area, size: [usize; 2]) -> Vec<u8> {
        let mut classes = vec![0; size[0] * size[1]];
        area.fill(&mut classes, size, 1).unwrap();
        classes
    }

    #[test]
    fn a_rectangle_has_its_pixels() {
        let corners = vec![[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]];
        let area = Area::Polygon(corners);
        let expected = [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(filled(&area, [5, 4]), expected);
        assert_eq!(area.extent(), 6.0);
    }

    #[test]
    fn a_polygon_beyond_the_image_is_cut() {
        let area = Area::Polygon(vec![[-5.0, -5.0], [9.0, -5.0], [9.0, 9.0], [-5.0, 9.0]]);
        assert_eq!(filled(&area, [3, 2]), [1; 6]);
    }

    #[test]
    fn a_circle_has_about_its_extent() {
        let area = Area::Circle([20.0, 20.0], 10.0);
        let pixels = filled(&area, [40, 40]).iter().map(|class| f64::from(*class)).sum::<f64>();
        assert!((pixels - area.extent()).abs() < 4.0, "{pixels}");
    }

    #[test]
    fn run_lengths_go_down_the_columns() {
        let area = Area::Runs { size: [3, 2], lengths: vec![1, 2, 3] };
        assert_eq!(filled(&area, [3, 2]), [0, 1, 0, 1, 0, 0]);
        assert!(area.fill(&mut [0; 4], [2, 2], 1).is_err());
        let short = Area::Runs { size: [3, 2], lengths: vec![1, 2] };
        assert!(short.fill(&mut [0; 6], [3, 2], 1).is_err());
    }
}
