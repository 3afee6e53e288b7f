//! Logistic regression with one variable, for calibrations (Platt 1999).

/// One observation.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// The variable, often a logit.
    pub x: f64,
    /// The probability that is right, 0..1.
    pub target: f64,
    /// How much it counts. The weights should sum to about one.
    pub weight: f64,
}

/// Slope and offset of the logit that fits best, by Newton's method.
///
/// - `ridge`: how much a steep slope is punished, so that separable observations have an end
pub fn logistic_regression(observations: &[Observation], ridge: f64) -> [f64; 2] {
    let (mut slope, mut offset) = (1.0f64, 0.0f64);
    for _ in 0..100 {
        let (mut gradient, mut hessian) = ([ridge * slope, 0.0], [ridge, 0.0, 1e-6]);
        for Observation { x, target, weight } in observations {
            let p = 1.0 / (1.0 + (-(slope * x + offset)).exp());
            let error = weight * (p - target);
            let curve = weight * p * (1.0 - p);
            gradient = [gradient[0] + error * x, gradient[1] + error];
            hessian = [hessian[0] + curve * x * x, hessian[1] + curve * x, hessian[2] + curve];
        }
        let determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
        let step = [
            (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant,
            (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant,
        ];
        slope -= step[0].clamp(-1.0, 1.0);
        offset -= step[1].clamp(-1.0, 1.0);
    }
    [slope, offset]
}
