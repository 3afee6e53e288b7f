use thiserror::Error;

/// What can go wrong in the model crate. Every message says what was wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// The bytes are no image that this crate reads.
    #[error("not a readable image: {reason}; give a JPEG, PNG, TIFF, BMP or WebP file")]
    Image {
        /// What the decoder said.
        reason: String,
    },
    /// The image has more pixels than a segmentation may hold in memory.
    #[error(
        "the image has {width}×{height} pixels and the limit is {limit} megapixels; scale it down first"
    )]
    ImageTooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit in 10⁶ pixels.
        limit: u32,
    },
    /// A pixel buffer does not have the length that its size asks for.
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
    /// A frame's planes do not hold what its size and format ask for.
    #[error("not a readable frame: {0}")]
    Frame(String),
    /// A safetensors file cannot be read.
    #[error("not a readable safetensors file: {0}; it may be cut off or of another format")]
    Safetensors(String),
    /// A checkpoint lacks a tensor.
    #[error(
        "the checkpoint has no tensor `{name}` (shape {shape:?}), which this architecture needs"
    )]
    MissingTensor {
        /// The tensor's name in the checkpoint's own layout.
        name: String,
        /// The shape it should have.
        shape: Vec<usize>,
    },
    /// A checkpoint's tensor has the wrong shape.
    #[error("tensor `{name}` has shape {found:?} where this architecture needs {expected:?}")]
    TensorShape {
        /// The tensor's name in the checkpoint's own layout.
        name: String,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// A checkpoint's tensor holds NaN or infinity.
    #[error(
        "tensor `{name}` holds NaN or infinite values; the file is damaged or its training diverged"
    )]
    NotFinite {
        /// The tensor's name in the checkpoint's own layout.
        name: String,
    },
    /// A checkpoint has a layout that is not CLIP's.
    #[error("not a CLIP checkpoint that this crate knows: {0}")]
    UnknownCheckpoint(String),
    /// A model file has no `mcdrl` metadata.
    #[error("the file is safetensors but no MCDRL model: its metadata has no `mcdrl` entry")]
    NotAModel,
    /// A model file's header cannot be understood.
    #[error("the model file's `mcdrl` header is damaged: {0}")]
    ModelHeader(String),
    /// A model file of a newer or unknown format.
    #[error(
        "the model file has format version {found}; this build reads version {supported}: update mcdrl or export the model again"
    )]
    ModelVersion {
        /// The version in the file.
        found: u32,
        /// The version this build reads.
        supported: u32,
    },
    /// The digest over the tensors is not the one in the header.
    #[error(
        "the model file is damaged: the SHA-256 over its tensors is {found} but its header says {expected}; download or copy it again"
    )]
    ModelDigest {
        /// The digest in the header.
        expected: String,
        /// The digest of the tensors as read.
        found: String,
    },
    /// A configuration or profile that no model can be built from.
    #[error("{0}")]
    Config(String),
    /// A compute device that is not there.
    #[error("{0}")]
    Device(String),
    /// The device computes, but not what the model says.
    #[error(
        "the device computes wrongly: on the built-in image its answer differs by {difference:.3} from the model's \
         own; use the CPU"
    )]
    WrongAnswer {
        /// The largest difference of a probability or weight.
        difference: f32,
    },
    /// The device failed while computing.
    #[error("the device failed while computing: {0}")]
    Execution(String),
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;
