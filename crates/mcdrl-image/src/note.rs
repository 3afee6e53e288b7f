//! What a reader of the result should know about the file that it came from.

use std::fmt;

/// A remark about a file that was read. Its text is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A JPEG file ends without its end marker, but the picture is whole.
    NoEndMarker,
    /// A file has several pages, and one was read.
    Pages {
        /// The number of pages. Thumbnails do not count.
        pages: usize,
    },
    /// A file has several frames, and one was read.
    Frames {
        /// The number of frames.
        frames: usize,
    },
    /// A file has more than 8 bits a value, and not all of them are used.
    SignificantBits {
        /// The bits of a value in the file.
        bits: u32,
        /// The bits that are used. They were scaled to the whole range.
        used: u32,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEndMarker => {
                f.write_str("the JPEG file has no end marker, but the picture is whole")
            }
            Self::Pages { pages } => {
                write!(f, "the file has {pages} pages; only the first was read")
            }
            Self::Frames { frames } => {
                write!(f, "the file has {frames} frames; only the first was read")
            }
            Self::SignificantBits { bits, used } => {
                write!(f, "the file has {bits} bits a value and uses {used}; they were scaled")
            }
        }
    }
}
