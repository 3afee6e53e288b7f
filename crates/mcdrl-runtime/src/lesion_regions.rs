//! Which connected regions of a mask count as lesions, and their classes.

use crate::grid_map::GridMap;

/// Regions that are less sure than the surest one by at most this count as equally sure. Devices round differently.
const ROUNDING: f32 = 0.01;

/// Halves the probability of a lesion in the regions that do not count, or lowers it further, so that they are background. A region counts if
/// it is the surest of the image, or if the probability of a lesion reaches `sure` somewhere in it.
///
/// - `probabilities`: the background first
/// - `lesion_below`: the probability of the background below which a position is a lesion
pub fn doubt_weak_regions(probabilities: &mut GridMap, lesion_below: f32, sure: f32) {
    let pixels = probabilities.rows * probabilities.columns;
    let background = &probabilities.values[..pixels];
    let regions = regions(background, probabilities.columns, lesion_below);
    let lowest = |region: &Vec<usize>| region.iter().map(|at| background[*at]).fold(1.0, f32::min);
    let surest = regions.iter().map(lowest).fold(1.0, f32::min);
    let limit = f32::max(1.0 - sure, surest + ROUNDING);
    let weak: Vec<usize> =
        regions.iter().filter(|region| lowest(region) > limit).flatten().copied().collect();
    // Even a certain lesion ends at the limit.
    let kept = f32::min(0.5, 1.0 - lesion_below);
    for at in weak {
        let of_pixel = probabilities.values[at..].iter_mut().step_by(pixels);
        of_pixel.for_each(|probability| *probability *= kept);
        probabilities.values[at] += 1.0 - kept;
    }
}

/// Gives all positions of a connected region the same shares of the lesion classes: those of the whole region. So a lesion has one
/// class, and the probability of a lesion stays as it is at each position.
///
/// - `probabilities`: the background first
pub fn vote_on_classes(probabilities: &mut GridMap, lesion_below: f32) {
    let pixels = probabilities.rows * probabilities.columns;
    let lesion_classes = 1..probabilities.channels;
    if lesion_classes.len() < 2 {
        return;
    }
    let regions = regions(&probabilities.values[..pixels], probabilities.columns, lesion_below);
    for region in regions {
        let sum = |values: &[f32]| region.iter().map(|at| f64::from(values[*at])).sum::<f64>();
        let lesion = region.len() as f64 - sum(&probabilities.values[..pixels]);
        for class in lesion_classes.clone() {
            let share = sum(&probabilities.values[class * pixels..][..pixels]) / lesion;
            for at in &region {
                let of_lesion = 1.0 - probabilities.values[*at];
                probabilities.values[class * pixels + at] = of_lesion * share as f32;
            }
        }
    }
}

/// The positions of each connected region of lesions. Positions are neighbours if they share a side.
fn regions(background: &[f32], columns: usize, lesion_below: f32) -> Vec<Vec<usize>> {
    let mut is_open: Vec<bool> = background.iter().map(|value| *value < lesion_below).collect();
    let mut regions = Vec::new();
    for start in 0..is_open.len() {
        if !std::mem::take(&mut is_open[start]) {
            continue;
        }
        let (mut region, mut next) = (vec![start], 0);
        while let Some(&at) = region.get(next) {
            next += 1;
            let neighbours = [
                (at >= columns).then(|| at - columns),
                Some(at + columns),
                (at % columns > 0).then(|| at - 1),
                (at % columns + 1 < columns).then(|| at + 1),
            ];
            for at in neighbours.into_iter().flatten() {
                if is_open.get_mut(at).is_some_and(std::mem::take) {
                    region.push(at);
                }
            }
        }
        regions.push(region);
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One lesion class; a row of the background's probabilities.
    fn map(background: &[f32], columns: usize) -> GridMap {
        let lesion = background.iter().map(|value| 1.0 - value);
        let values = background.iter().copied().chain(lesion).collect();
        GridMap { channels: 2, rows: background.len() / columns, columns, values }
    }

    /// The background's probabilities after doubt.
    fn doubted(background: &[f32], columns: usize) -> Vec<f32> {
        let mut map = map(background, columns);
        doubt_weak_regions(&mut map, 0.5, 0.95);
        let (after, lesion) = map.values.split_at(background.len());
        assert!(after.iter().zip(lesion).all(|(a, b)| (a + b - 1.0).abs() < 1e-6));
        after.to_vec()
    }

    #[test]
    fn a_region_beside_the_surest_one_must_be_sure() {
        let after = doubted(&[0.01, 0.4, 0.9, 0.25, 0.9, 0.04], 6);
        assert_eq!(after, [0.01, 0.4, 0.9, 0.625, 0.9, 0.04]);
    }

    #[test]
    fn the_surest_region_stays_however_weak() {
        assert_eq!(doubted(&[0.2, 0.9, 0.25], 3), [0.2, 0.9, 0.625]);
        assert_eq!(doubted(&[0.2, 0.9, 0.205], 3), [0.2, 0.9, 0.205]);
        assert_eq!(doubted(&[0.4, 0.9, 0.9], 3), [0.4, 0.9, 0.9]);
        assert_eq!(doubted(&[0.9; 4], 2), [0.9; 4]);
    }

    #[test]
    fn a_region_has_one_class_and_keeps_the_probability_of_a_lesion() {
        // Two regions; the first is split between two classes.
        let background = [0.1, 0.1, 0.9, 0.2];
        let values = [&background[..], &[0.6, 0.2, 0.05, 0.0], &[0.3, 0.7, 0.05, 0.8]].concat();
        let mut map = GridMap { channels: 3, rows: 1, columns: 4, values };
        vote_on_classes(&mut map, 0.5);
        let expected = [0.4, 0.4, 0.05, 0.0, 0.5, 0.5, 0.05, 0.8];
        assert_eq!(map.values[..4], background);
        for (found, expected) in map.values[4..].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{:?}", map.values);
        }
    }

    #[test]
    fn regions_end_at_the_rims_of_the_picture() {
        // The end of a row does not touch the start of the next one; rows do touch.
        let found = regions(&[0.9, 0.1, 0.1, 0.9, 0.1, 0.9], 2, 0.5);
        assert_eq!(found, [vec![1], vec![2, 4]]);
    }
}
