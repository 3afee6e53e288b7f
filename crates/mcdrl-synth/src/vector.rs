//! Three-component vectors, for points, directions and linear RGB colours.

use std::ops::{Add, Mul, Neg, Sub};

/// A point, a direction or a linear RGB colour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vec3 {
    /// First component, red.
    pub x: f32,
    /// Second component, green.
    pub y: f32,
    /// Third component, blue; the depth along the organ.
    pub z: f32,
}

/// The vector of three components.
pub const fn vec3(x: f32, y: f32, z: f32) -> Vec3 {
    Vec3 { x, y, z }
}

impl Vec3 {
    /// The same value three times.
    pub const fn splat(value: f32) -> Self {
        vec3(value, value, value)
    }

    /// Inner product.
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y + self.z * other.z
    }

    /// Vector product.
    pub fn cross(self, other: Self) -> Self {
        vec3(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )
    }

    /// Euclidean length.
    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Unit vector of the same direction; a zero vector stays zero.
    pub fn normalized(self) -> Self {
        self * (1.0 / self.length().max(1e-12))
    }

    /// Component-wise product: light times albedo.
    pub fn scale(self, other: Self) -> Self {
        vec3(self.x * other.x, self.y * other.y, self.z * other.z)
    }

    /// Linear interpolation towards `other`.
    pub fn lerp(self, other: Self, weight: f32) -> Self {
        self + (other - self) * weight
    }

    /// Applies a function to every component.
    pub fn map(self, function: impl Fn(f32) -> f32) -> Self {
        vec3(function(self.x), function(self.y), function(self.z))
    }

    /// Rec. 709 luminance of a linear RGB colour.
    pub fn luminance(self) -> f32 {
        0.2126 * self.x + 0.7152 * self.y + 0.0722 * self.z
    }

    /// Two unit vectors that complete a unit vector to an orthonormal basis.
    pub fn tangents(self) -> (Self, Self) {
        let helper = if self.z.abs() < 0.8 { vec3(0.0, 0.0, 1.0) } else { vec3(1.0, 0.0, 0.0) };
        let first = helper.cross(self).normalized();
        (first, self.cross(first))
    }
}

impl Add for Vec3 {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        vec3(self.x + other.x, self.y + other.y, self.z + other.z)
    }
}

impl Sub for Vec3 {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        vec3(self.x - other.x, self.y - other.y, self.z - other.z)
    }
}

impl Mul<f32> for Vec3 {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        vec3(self.x * factor, self.y * factor, self.z * factor)
    }
}

impl Neg for Vec3 {
    type Output = Self;
    fn neg(self) -> Self {
        self * -1.0
    }
}

/// 0 below `low`, 1 above `high`, a smooth cubic between them. With `low > high` it falls instead of rising.
pub fn smoothstep(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
