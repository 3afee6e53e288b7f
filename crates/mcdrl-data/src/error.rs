use std::path::{Path, PathBuf};

use thiserror::Error;

/// Data that cannot be used. Every message says what is wrong, where, and what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// An image or mask file cannot be used.
    #[error("{path}: {source}")]
    Image {
        /// The file.
        path: PathBuf,
        /// The problem with the file.
        source: mcdrl_image::Error,
    },
    /// A `dataset.toml` whose profile cannot be used.
    #[error("{path}: {source}")]
    Profile {
        /// The file.
        path: PathBuf,
        /// The problem with the profile.
        source: mcdrl_runtime::Error,
    },
    /// A TOML or JSON file cannot be read.
    #[error("{path}: {problem}")]
    Text {
        /// The file.
        path: PathBuf,
        /// The error of the parser.
        problem: String,
    },
    /// The folder is not a dataset.
    #[error(
        "{path}: no site in this folder; a dataset needs DATA/<site>/images/<name>.jpg with \
         DATA/<site>/masks/<name>.png"
    )]
    NoSites {
        /// The folder.
        path: PathBuf,
    },
    /// A site has no image.
    #[error("{path}: no jpg, png, tif, bmp or webp image in this folder")]
    NoImages {
        /// The folder.
        path: PathBuf,
    },
    /// An image has no mask.
    #[error(
        "{image}: its mask {mask} is missing; {}a lesion-free image needs an all-zero mask",
        if similar.is_empty() { String::new() } else { format!("beside it lies {similar}; ") }
    )]
    MissingMask {
        /// The image.
        image: PathBuf,
        /// The mask file that is missing.
        mask: PathBuf,
        /// Files with similar names.
        similar: String,
    },
    /// Several files could be the mask of an image.
    #[error("{image}: each of {masks} could be its mask; remove all but one")]
    SeveralMasks {
        /// The image.
        image: PathBuf,
        /// The files.
        masks: String,
    },
    /// A mask has no image.
    #[error("{mask}: there is no image of this name in {images}; remove the mask or add its image")]
    MissingImage {
        /// The mask.
        mask: PathBuf,
        /// The folder that should have the image.
        images: PathBuf,
    },
    /// Two images of one site share a name.
    #[error("{path}: another image of this site has the same name; rename one of them")]
    DuplicateName {
        /// The second image.
        path: PathBuf,
    },
    /// An image and its mask differ in size.
    #[error(
        "{mask}: the mask has {}×{} pixels but its image has {}×{}; {}",
        mask_size.0, mask_size.1, image_size.0, image_size.1, size_advice(*mask_size, *image_size)
    )]
    MaskSize {
        /// The mask.
        mask: PathBuf,
        /// Width and height of the mask.
        mask_size: (usize, usize),
        /// Width and height of the image.
        image_size: (usize, usize),
    },
    /// A mask has a value that the dataset does not name.
    #[error(
        "{mask}: the mask has the value {value} but the dataset names {classes} class{}{}. The masks of its site have the values \
         {values}: name the classes in dataset.toml, or give each value its class there in the table [values]",
        if *classes == 1 { "" } else { "es" },
        if *instances { " (each value is one connected part: are they numbers of lesions instead of classes?)" } else { "" }
    )]
    MaskValue {
        /// The mask.
        mask: PathBuf,
        /// The value.
        value: mcdrl_image::MaskValue,
        /// The number of named classes.
        classes: usize,
        /// All values that the masks of its site have.
        values: String,
        /// Whether the values look like numbers of lesions.
        instances: bool,
    },
    /// The folder to create exists.
    #[error("{path} exists already; choose another folder")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A path without a last component, such as `/`.
    #[error("{path} has no name for a folder; choose another path")]
    NoName {
        /// The path.
        path: PathBuf,
    },
    /// Several faults of one dataset.
    #[error("{first}; {others} more faults: `mcdrl inspect` lists them all")]
    Several {
        /// The first fault.
        first: Box<Error>,
        /// The number of the others.
        others: usize,
    },
    /// There is no such site.
    #[error("there is no site `{name}`; the dataset has {sites}")]
    UnknownSite {
        /// The requested name.
        name: String,
        /// The names of all sites.
        sites: String,
    },
    /// Dataset folders that cannot be combined.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// A failure to read or write a file.
    pub fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.into(), source }
    }

    /// Adds the path to an error in an image file.
    pub fn image(path: &Path) -> impl Fn(mcdrl_image::Error) -> Self + '_ {
        |source| Self::Image { path: path.into(), source }
    }

    pub(crate) fn profile(path: &Path) -> impl Fn(mcdrl_runtime::Error) -> Self + '_ {
        |source| Self::Profile { path: path.into(), source }
    }

    pub(crate) fn text<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> Self + '_ {
        |problem| Self::Text { path: path.into(), problem: problem.to_string() }
    }
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do with a mask of another size.
fn size_advice(mask: (usize, usize), image: (usize, usize)) -> &'static str {
    if mask == (image.1, image.0) {
        "it looks transposed: turn it"
    } else if has_aspect_of(mask, image) {
        "its aspect is the same: `resize_masks = true` in dataset.toml scales it"
    } else {
        "it was cut or belongs to another image; resize one of them"
    }
}

/// Whether two sizes have the same aspect, within the rounding of their sides.
pub fn has_aspect_of(one: (usize, usize), other: (usize, usize)) -> bool {
    let (across, down) = (one.0 * other.1, one.1 * other.0);
    across.abs_diff(down) <= other.0.max(other.1).max(one.0).max(one.1)
}
