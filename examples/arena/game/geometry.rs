//! Geometry in whole numbers: the same world on every machine, to the last bit.
//!
//! Lengths are in [`UNIT`]ths of a unit, in the simulation and on the wire: players see exactly
//! what is simulated.

use std::ops::{Add, Sub};

/// Parts of a unit; a unit is about a pixel.
pub(crate) const UNIT: i32 = 32;

/// A point, or the way between two points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vector {
    pub(crate) x: i32,
    pub(crate) y: i32,
}

/// A disc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disc {
    pub(crate) center: Vector,
    pub(crate) radius: i32,
}

impl Vector {
    pub(crate) const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }

    /// The point at these whole units.
    pub(crate) const fn units(x: i32, y: i32) -> Self {
        Self::new(x * UNIT, y * UNIT)
    }

    pub(crate) fn length(self) -> i32 {
        let square = self.dot(self).unsigned_abs();
        i32::try_from(square.isqrt()).unwrap_or(i32::MAX)
    }

    pub(crate) fn dot(self, other: Self) -> i64 {
        i64::from(self.x) * i64::from(other.x) + i64::from(self.y) * i64::from(other.y)
    }

    /// `part / whole` of it; `whole` must not be 0.
    pub(crate) fn times(self, part: i64, whole: i64) -> Self {
        let scale = |side: i32| narrow(i64::from(side) * part / whole);
        Self::new(scale(self.x), scale(self.y))
    }

    /// The same direction with this length; a zero vector stays zero.
    pub(crate) fn with_length(self, length: i32) -> Self {
        match self.length() {
            0 => Self::default(),
            own => self.times(length.into(), own.into()),
        }
    }

    /// The same direction with at most this length.
    pub(crate) fn at_most(self, length: i32) -> Self {
        if length < self.length() {
            self.with_length(length)
        } else {
            self
        }
    }
}

impl Add for Vector {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Vector {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Disc {
    /// Whether it and a disc of `radius` around `center` have a point in common.
    pub(crate) fn meets(&self, center: Vector, radius: i32) -> bool {
        let reach = i64::from(self.radius) + i64::from(radius);
        let way = center - self.center;
        way.dot(way) <= reach * reach
    }
}

fn narrow(wide: i64) -> i32 {
    let nearest = wide.clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(nearest).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_what_pythagoras_says() {
        assert_eq!(Vector::new(3, -4).length(), 5);
        assert_eq!(Vector::new(i32::MAX, i32::MAX).length(), i32::MAX);
        assert_eq!(Vector::new(30, -40).with_length(100), Vector::new(60, -80));
        assert_eq!(Vector::default().with_length(100), Vector::default());
        assert_eq!(Vector::new(3, 4).at_most(5), Vector::new(3, 4));
        assert_eq!(Vector::new(6, 8).at_most(5), Vector::new(3, 4));
    }

    #[test]
    fn discs_that_touch_meet() {
        let disc = Disc {
            center: Vector::new(10, 10),
            radius: 3,
        };
        assert!(disc.meets(Vector::new(15, 10), 2));
        assert!(!disc.meets(Vector::new(16, 10), 2));
    }
}
