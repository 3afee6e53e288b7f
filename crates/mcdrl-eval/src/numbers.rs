//! Formatting of numbers.

/// `mean ± deviation`, or a dash.
pub fn spread(mean: Option<f64>, deviation: Option<f64>, digits: usize) -> String {
    match (mean, deviation) {
        (Some(mean), Some(deviation)) => format!("{mean:.digits$} ± {deviation:.digits$}"),
        (Some(mean), None) => format!("{mean:.digits$}"),
        (None, _) => "–".into(),
    }
}
