//! Which parts of an image the network sees: the picture within the frame, and its tiles.

use mcdrl_image::{Bounds, Image};

/// Which parts of an image the network sees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct View {
    /// The part of the frame that is segmented.
    pub area: Area,
    /// Tiles that are looked at more closely.
    pub tiles: Option<Tiles>,
}

/// The part of a frame that is segmented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Area {
    /// The picture, without wide borders, panels and text around it: [`Image::active_area`].
    #[default]
    Picture,
    /// The whole frame.
    Frame,
}

/// Overlapping squares of an image, each of which the network sees at its full input size. The whole image is seen too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tiles {
    /// The side of a tile, in pixels of the image. `None`: the input size of the network, so that no pixel is lost.
    pub side: Option<u32>,
    /// The most tiles of an image. If the side needs more, tiles are larger.
    pub most: usize,
}

impl View {
    /// The whole frame, without tiles.
    pub const FRAME: Self = Self { area: Area::Frame, tiles: None };

    /// The whole frame or the picture in it, and its tiles.
    pub fn new(whole_frame: bool, tiles: Option<Tiles>) -> Self {
        Self { area: if whole_frame { Area::Frame } else { Area::Picture }, tiles }
    }
}

impl Default for Tiles {
    fn default() -> Self {
        Self { side: None, most: 64 }
    }
}

impl Area {
    /// The part of an image.
    pub fn of(self, image: &Image) -> Bounds {
        let found = match self {
            Self::Picture => image.active_area(),
            Self::Frame => None,
        };
        let (width, height) = (image.width() as u32, image.height() as u32);
        found.unwrap_or(Bounds { left: 0, top: 0, width, height })
    }
}

impl Tiles {
    /// Tiles of a side, in pixels.
    pub fn of_side(side: u32) -> Self {
        Self { side: Some(side), ..Self::default() }
    }

    /// The tiles of an area, row by row. They overlap by at least a quarter of their side. None if one tile would cover the area.
    ///
    /// - `input_size`: the side of the network's input
    pub fn of(&self, area: Bounds, input_size: usize) -> Vec<Bounds> {
        let mut side = self.side.unwrap_or(input_size as u32).max(1);
        let (mut across, mut down) = (Vec::new(), Vec::new());
        while side < area.width.max(area.height) {
            (across, down) = (starts(area.width, side), starts(area.height, side));
            if across.len() * down.len() <= self.most {
                break;
            }
            (across, down) = (Vec::new(), Vec::new());
            side = side.saturating_add(side.div_ceil(4));
        }
        let tile = |top: &u32, left: &u32| Bounds {
            left: area.left + left,
            top: area.top + top,
            width: side.min(area.width),
            height: side.min(area.height),
        };
        down.iter().flat_map(|top| across.iter().map(move |left| tile(top, left))).collect()
    }
}

/// Where tiles of a side begin on a length.
fn starts(length: u32, side: u32) -> Vec<u32> {
    let room = u64::from(length.saturating_sub(side));
    let steps = room.div_ceil(u64::from(side - side / 4).max(1));
    (0..=steps).map(|step| (room * step / steps.max(1)) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Bounds = Bounds { left: 7, top: 3, width: 1000, height: 600 };

    #[test]
    fn tiles_cover_an_area_and_overlap() {
        let tiles = Tiles::default().of(AREA, 224);
        for x in AREA.left..AREA.left + AREA.width {
            let over = tiles.iter().filter(|t| (t.left..t.left + t.width).contains(&x));
            assert!(over.count() > 0);
        }
        assert_eq!((tiles[0].left, tiles[0].top), (7, 3));
        let last = tiles.last().unwrap();
        assert_eq!((last.left + last.width, last.top + last.height), (1007, 603));
        for pair in tiles.windows(2).filter(|pair| pair[0].top == pair[1].top) {
            assert!(pair[1].left - pair[0].left <= 168, "{pair:?}");
        }
    }

    #[test]
    fn few_tiles_are_larger_and_one_is_none() {
        let tiles = Tiles { side: Some(50), most: 6 }.of(AREA, 224);
        assert!((2..=6).contains(&tiles.len()), "{tiles:?}");
        assert!(Tiles { side: Some(1000), most: 6 }.of(AREA, 224).is_empty());
        let thin = Bounds { width: 1000, height: 10, ..AREA };
        assert!(Tiles::default().of(thin, 224).iter().all(|tile| tile.height == 10));
    }
}
