//! A place in a picture where a confounder is shown.

use mcdrl_image::{Image, Mask};

use crate::random::Random;

/// The number of places that are tried for a confounder beside the lesion.
const PLACES: usize = 32;

/// Where the rim of a place begins and ends, in its radii.
const INNER_RIM: f32 = 0.9;
const OUTER_RIM: f32 = 1.3;

/// A round place with a soft rim. Positions and sizes are shares of the picture's.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    centre: [f32; 2],
    radii: [f32; 2],
}

impl Place {
    /// The ellipse in the box around all lesions; `None` without one.
    pub fn of_lesion(mask: &Mask) -> Option<Self> {
        let lesion = mask.classes().iter().enumerate().filter(|(_, class)| **class != 0);
        let points = lesion.map(|(at, _)| [at % mask.width(), at / mask.width()]);
        let (low, high) = points.fold(([usize::MAX; 2], [0; 2]), |(low, high), point| {
            let axes = [0, 1];
            (axes.map(|i| low[i].min(point[i])), axes.map(|i| high[i].max(point[i] + 1)))
        });
        let size = [mask.width() as f32, mask.height() as f32];
        (low[0] < high[0]).then(|| {
            let (low, high) = (low.map(|value| value as f32), high.map(|value| value as f32));
            let part =
                |value: fn(f32, f32) -> f32| [0, 1].map(|i| value(low[i], high[i]) / size[i]);
            Self { centre: part(|l, h| (l + h) / 2.0), radii: part(|l, h| (h - l) / 2.0) }
        })
    }

    /// A place of the same size that covers as little of the lesion as can be.
    pub fn elsewhere(self, random: &mut Random, mask: &Mask) -> Self {
        let on_lesion = |place: &Self| -> f32 {
            let weights = place.weights(mask.width(), mask.height());
            weights.zip(mask.classes()).filter(|(_, class)| **class != 0).map(|(w, _)| w).sum()
        };
        let tried = (0..PLACES).map(|_| {
            let place = Self { centre: [random.unit(), random.unit()], ..self };
            (on_lesion(&place), place)
        });
        tried.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(self, |(_, place)| place)
    }

    /// 1 inside, 0 outside, for each pixel of a `width × height` picture.
    pub fn weights(self, width: usize, height: usize) -> impl Iterator<Item = f32> {
        (0..width * height).map(move |at| {
            let point = [(at % width) as f32 / width as f32, (at / width) as f32 / height as f32];
            let away = [0, 1].map(|i| (point[i] - self.centre[i]) / self.radii[i].max(1e-3));
            let distance = away[0].hypot(away[1]);
            ((OUTER_RIM - distance) / (OUTER_RIM - INNER_RIM)).clamp(0.0, 1.0)
        })
    }

    /// The second picture inside, the first outside.
    pub fn blend(self, outside: &Image, inside: &Image) -> Image {
        let (width, height) = (outside.width(), outside.height());
        let pixels = outside.pixels().chunks(3).zip(inside.pixels().chunks(3));
        let blended = pixels.zip(self.weights(width, height)).flat_map(|((a, b), weight)| {
            let mixed = |i: usize| f32::from(a[i]) + (f32::from(b[i]) - f32::from(a[i])) * weight;
            [0, 1, 2].map(|i| mixed(i).round() as u8)
        });
        Image::from_rgb(width, height, blended.collect()).expect("the size is that of an image")
    }
}
