//! Area under the ROC curve.

/// The probability that a positive score is larger than a negative one, ties counted half (Hanley and McNeil 1982). `None`
/// without scores of both kinds.
pub fn auroc(positive: &[f32], negative: &[f32]) -> Option<f64> {
    if positive.is_empty() || negative.is_empty() {
        return None;
    }
    let mut scores: Vec<(f32, bool)> = positive
        .iter()
        .map(|score| (*score, true))
        .chain(negative.iter().map(|score| (*score, false)))
        .collect();
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    // The sum of the positive ranks (Mann and Whitney). Equal scores share their mean rank.
    let mut sum = 0.0;
    let mut first = 0;
    for group in scores.chunk_by(|a, b| a.0 == b.0) {
        let rank = first as f64 + (group.len() + 1) as f64 / 2.0;
        sum += rank * group.iter().filter(|(_, positive)| *positive).count() as f64;
        first += group.len();
    }
    let (yes, no) = (positive.len() as f64, negative.len() as f64);
    Some((sum - yes * (yes + 1.0) / 2.0) / (yes * no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_share_of_pairs_in_the_right_order() {
        assert_eq!(auroc(&[0.9, 0.8], &[0.1, 0.2]), Some(1.0));
        assert_eq!(auroc(&[0.1], &[0.9]), Some(0.0));
        assert_eq!(auroc(&[0.5, 0.5], &[0.5]), Some(0.5));
        assert_eq!(auroc(&[0.3, 0.7], &[0.1, 0.5]), Some(0.75));
        assert_eq!(auroc(&[], &[0.5]), None);
    }
}
