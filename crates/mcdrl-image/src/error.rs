use thiserror::Error;

use crate::FileKind;

/// Bytes or pixels that cannot be used. Every message says what is wrong and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// The bytes are not an image of a supported format.
    #[error("not a readable image: {reason}; give a JPEG, PNG, TIFF, BMP or WebP file")]
    Decode {
        /// The error of the decoder.
        reason: String,
    },
    /// The bytes are a file of a kind that is not read.
    #[error("not a readable image: this is {}; {}", .0.name, .0.advice)]
    Kind(FileKind),
    /// The encoder failed.
    #[error("the image cannot be encoded: {reason}")]
    Encode {
        /// The error of the encoder.
        reason: String,
    },
    /// The image has more pixels than [`MAX_MEGAPIXELS`](crate::MAX_MEGAPIXELS) allows.
    #[error(
        "the image has {width}×{height} pixels and the limit is {limit} megapixels; scale it down first"
    )]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit in 10⁶ pixels.
        limit: u32,
    },
    /// A pixel buffer does not have the length that its size needs.
    #[error("a {width}×{height} buffer needs {expected} bytes but has {found}")]
    BufferLength {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes needed.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// A camera frame whose planes do not match its size and format.
    #[error("not a readable frame: {0}")]
    Frame(String),
}

impl Error {
    /// Whether the file was never a picture: an empty file, or what systems leave in folders.
    pub fn is_junk(&self) -> bool {
        matches!(self, Self::Kind(kind) if kind.is_junk)
    }
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
