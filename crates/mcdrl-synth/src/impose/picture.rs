//! The pixels that renderers change, as floats.

use mcdrl_image::{Image, Mask};

use crate::vector::{Vec3, vec3};

/// A picture with display values in 0..1, row-major.
#[derive(Clone, Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Vec3>,
}

/// A change of the view: the pixel at a position comes from `scale · position + shift`. Positions are -1..1 along both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Zoom {
    /// Below 1 for a closer view.
    pub scale: f32,
    /// Right and down.
    pub shift: [f32; 2],
    /// What lies outside the original picture.
    pub surroundings: Surroundings,
}

/// What lies outside the original picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surroundings {
    /// Black, and background in the mask.
    Black,
    /// The picture and its mask, mirrored.
    Mirrored,
    /// The outermost rows and columns of the picture and of its mask.
    Repeated,
}

impl Default for Zoom {
    fn default() -> Self {
        Self { scale: 1.0, shift: [0.0; 2], surroundings: Surroundings::Black }
    }
}

impl Zoom {
    /// The mask after the change.
    pub fn mask(&self, mask: &Mask) -> Mask {
        if *self == Self::default() {
            return mask.clone();
        }
        let (width, height) = (mask.width(), mask.height());
        let classes = (0..width * height).map(|at| {
            let (column, row) = self.source(at % width, at / width, [width, height]);
            let place = |place: f32, side| self.place(place.round() as isize, side);
            match (place(column, width), place(row, height)) {
                (Some(column), Some(row)) => mask.classes()[row * width + column],
                _ => 0,
            }
        });
        Mask::from_classes(width, height, classes.collect()).expect("the size is that of a mask")
    }

    /// The row or column to read for one that may lie outside; `None` for black.
    fn place(&self, place: isize, side: usize) -> Option<usize> {
        let period = 2 * side as isize;
        match self.surroundings {
            Surroundings::Black => usize::try_from(place).ok().filter(|place| *place < side),
            Surroundings::Mirrored => {
                let folded = place.rem_euclid(period);
                Some(folded.min(period - 1 - folded) as usize)
            }
            Surroundings::Repeated => Some(place.clamp(0, side as isize - 1) as usize),
        }
    }

    /// Where a pixel comes from, in pixels.
    fn source(&self, column: usize, row: usize, [width, height]: [usize; 2]) -> (f32, f32) {
        let along = |place: usize, side: usize, shift: f32| {
            let position = (2 * place + 1) as f32 / side as f32 - 1.0;
            ((self.scale * position + shift + 1.0) * side as f32 - 1.0) / 2.0
        };
        (along(column, width, self.shift[0]), along(row, height, self.shift[1]))
    }
}

impl Picture {
    /// The display values of an image.
    pub fn from_image(image: &Image) -> Self {
        let value = |byte: u8| f32::from(byte) / 255.0;
        let pixels = image.pixels().chunks_exact(3);
        let pixels = pixels.map(|rgb| vec3(value(rgb[0]), value(rgb[1]), value(rgb[2]))).collect();
        Self { width: image.width(), height: image.height(), pixels }
    }

    /// The image with these values, cut off below 0 and above 1.
    pub fn to_image(&self) -> Image {
        let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let bytes = self.pixels.iter().flat_map(|rgb| [byte(rgb.x), byte(rgb.y), byte(rgb.z)]);
        let (width, height) = (self.width, self.height);
        Image::from_rgb(width, height, bytes.collect()).expect("the size is that of an image")
    }

    /// The shorter side, pixels.
    pub fn side(&self) -> f32 {
        self.width.min(self.height) as f32
    }

    /// A map that is 1 everywhere.
    pub fn everywhere(&self) -> Vec<f32> {
        vec![1.0; self.pixels.len()]
    }

    /// The position of a pixel, -1..1 along both sides.
    pub fn position(&self, at: usize) -> (f32, f32) {
        let along = |place: usize, side: usize| (2 * place + 1) as f32 / side as f32 - 1.0;
        (along(at % self.width, self.width), along(at / self.width, self.height))
    }

    /// Changes every pixel by a function of its index and colour.
    pub fn change(&mut self, to: impl Fn(usize, Vec3) -> Vec3) {
        for (at, pixel) in self.pixels.iter_mut().enumerate() {
            *pixel = to(at, *pixel);
        }
    }

    /// Mean luma of the picture.
    pub fn mean_luma(&self) -> f32 {
        self.pixels.iter().copied().map(luma).sum::<f32>() / self.pixels.len().max(1) as f32
    }

    /// The picture after a change of the view, interpolated bilinearly.
    pub fn zoomed(&self, zoom: &Zoom) -> Self {
        let size = [self.width, self.height];
        let pixels = (0..self.pixels.len()).map(|at| {
            let (column, row) = zoom.source(at % self.width, at / self.width, size);
            let (left, top) = (column.floor(), row.floor());
            let (x, y) = (column - left, row - top);
            let pixel = |left: f32, top: f32| {
                let column = zoom.place(left as isize, self.width);
                let row = zoom.place(top as isize, self.height);
                let at = column.zip(row).map(|(column, row)| row * self.width + column);
                at.map_or(Vec3::default(), |at| self.pixels[at])
            };
            let upper = pixel(left, top).lerp(pixel(left + 1.0, top), x);
            upper.lerp(pixel(left, top + 1.0).lerp(pixel(left + 1.0, top + 1.0), x), y)
        });
        Self { pixels: pixels.collect(), ..*self }
    }

    /// Each pixel becomes the weighted sum of those at the offsets (right, down). The border is repeated.
    pub fn average(&self, offsets: &[(isize, isize, f32)]) -> Self {
        let last = [self.width as isize - 1, self.height as isize - 1];
        let pixels = (0..self.pixels.len()).map(|at| {
            let (column, row) = ((at % self.width) as isize, (at / self.width) as isize);
            offsets.iter().fold(Vec3::default(), |sum, (right, down, weight)| {
                let column = (column + right).clamp(0, last[0]) as usize;
                let row = (row + down).clamp(0, last[1]) as usize;
                sum + self.pixels[row * self.width + column] * *weight
            })
        });
        Self { pixels: pixels.collect(), ..*self }
    }

    /// A Gaussian blur.
    pub fn blurred(&self, sigma: f32) -> Self {
        let reach = (2.5 * sigma).ceil() as isize;
        let weight = |step: isize| (-(step * step) as f32 / (2.0 * sigma * sigma)).exp();
        let total: f32 = (-reach..=reach).map(weight).sum();
        let taps = |direction: [isize; 2]| -> Vec<_> {
            let tap = |step| (step * direction[0], step * direction[1], weight(step) / total);
            (-reach..=reach).map(tap).collect()
        };
        self.average(&taps([1, 0])).average(&taps([0, 1]))
    }
}

/// Luma of a display colour (Rec. 601).
pub fn luma(colour: Vec3) -> f32 {
    0.299 * colour.x + 0.587 * colour.y + 0.114 * colour.z
}

/// How much a place belongs to the scene, 0..1. Masked corners, which are black, do not.
pub fn lit(colour: Vec3) -> f32 {
    (luma(colour) / 0.08).min(1.0)
}
