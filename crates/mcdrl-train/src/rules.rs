//! Rules for configuration values. NaN breaks all of them.

/// Finite and above zero.
pub fn positive<T: Into<f64> + Copy>(value: &T, _: &()) -> garde::Result {
    let value: f64 = (*value).into();
    require(value.is_finite() && value > 0.0, value, "must be positive")
}

/// Finite and at least zero.
pub fn not_negative<T: Into<f64> + Copy>(value: &T, _: &()) -> garde::Result {
    let value: f64 = (*value).into();
    require(value.is_finite() && value >= 0.0, value, "must not be negative")
}

/// From 0 to 1.
pub fn up_to_one<T: Into<f64> + Copy>(value: &T, _: &()) -> garde::Result {
    let value: f64 = (*value).into();
    require((0.0..=1.0).contains(&value), value, "must lie between 0 and 1")
}

/// From -16 to 16.
pub fn exponent(value: &f64, _: &()) -> garde::Result {
    require((-16.0..=16.0).contains(value), *value, "must lie between -16 and 16")
}

/// At least zero and below one.
pub fn below_one(value: &f64, _: &()) -> garde::Result {
    require((0.0..1.0).contains(value), *value, "must be at least 0 and below 1")
}

/// At least zero and below 0.9, so that images remain for training.
pub fn validation_share(value: &f64, _: &()) -> garde::Result {
    require((0.0..0.9).contains(value), *value, "must be at least 0 and below 0.9")
}

fn require(holds: bool, value: f64, rule: &str) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new(format!("{value} {rule}"))) }
}
