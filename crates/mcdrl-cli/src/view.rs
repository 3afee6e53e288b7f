//! Options of subcommands that segment: which parts of an image the network sees.

use std::num::NonZeroU32;

use clap::Args;
use mcdrl::{Segmenter, Tiles, View};

/// Which parts of an image the network sees.
#[derive(Args)]
pub struct ViewOptions {
    /// Also look at overlapping tiles of this side in pixels, for small lesions in large images. Without a number, a tile is as large as
    /// the network's input.
    #[arg(long, value_name = "SIDE", require_equals = true)]
    tiles: Option<Option<NonZeroU32>>,
    /// Segment the whole frame, also wide borders and panels around the picture.
    #[arg(long)]
    whole_frame: bool,
}

impl ViewOptions {
    /// A segmenter with these options.
    pub fn apply(&self, segmenter: &Segmenter) -> Segmenter {
        let tiles = |side: Option<NonZeroU32>| {
            side.map_or_else(Tiles::default, |side| Tiles::of_side(side.into()))
        };
        segmenter.with_view(View::new(self.whole_frame, self.tiles.map(tiles)))
    }
}
