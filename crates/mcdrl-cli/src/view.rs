//! Options of subcommands that segment: which parts of an image the network sees.

use clap::Args;
use mcdrl::{Area, Segmenter, Tiles, View};

/// Which parts of an image the network sees.
#[derive(Args)]
pub struct ViewOptions {
    /// Also look at overlapping tiles of this side in pixels, for small lesions in large images. Without a number, a tile is as large as
    /// the network's input.
    #[arg(long, value_name = "SIDE", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    tiles: Option<usize>,
    /// Segment the whole frame, also wide borders and panels around the picture.
    #[arg(long)]
    whole_frame: bool,
}

impl ViewOptions {
    /// A segmenter with these options.
    pub fn apply(&self, segmenter: Segmenter) -> Segmenter {
        let tiles = |side: usize| Tiles { side: (side > 0).then_some(side), ..Tiles::default() };
        segmenter.with_view(View {
            area: if self.whole_frame { Area::Frame } else { Area::Picture },
            tiles: self.tiles.map(tiles),
        })
    }
}
