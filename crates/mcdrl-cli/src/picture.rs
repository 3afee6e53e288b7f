//! The pictures of a file: the file itself, or each frame of a DICOM file.

use std::path::PathBuf;
use std::sync::Arc;

use mcdrl::data::{self, Error, read_file};
use mcdrl::{DicomFile, Image};

use crate::inputs::Input;

/// A picture to segment.
pub struct Picture {
    /// Its file.
    pub path: PathBuf,
    /// The name of its results, without their ending.
    pub name: String,
    /// The number of the frame, from 1, in a file with several.
    pub frame: Option<usize>,
    /// Whether the command line names the file itself.
    pub is_named: bool,
    /// The DICOM file.
    pub dicom: Option<Arc<DicomFile>>,
}

/// A file that was read and is not yet decoded.
pub enum Opened {
    /// One picture.
    Bytes(Vec<u8>),
    /// One or several.
    Dicom(Arc<DicomFile>),
}

impl Opened {
    /// Reads a file.
    pub fn open(input: &Input) -> data::Result<Self> {
        let bytes = read_file(&input.path)?;
        if !DicomFile::is_dicom(&bytes) {
            return Ok(Self::Bytes(bytes));
        }
        let file = DicomFile::read(&bytes).map_err(Error::image(&input.path))?;
        Ok(Self::Dicom(Arc::new(file)))
    }

    /// The pictures of a file. They are decoded one by one.
    pub fn pictures(&self, input: &Input) -> Vec<Picture> {
        match self {
            Self::Dicom(file) if file.frames() > 1 => {
                let picture = |frame| Picture {
                    name: format!("{}.frame-{frame:04}", input.name),
                    frame: Some(frame),
                    dicom: Some(file.clone()),
                    ..Picture::of(input)
                };
                (1..=file.frames()).map(picture).collect()
            }
            Self::Dicom(file) => {
                vec![Picture { dicom: Some(file.clone()), ..Picture::of(input) }]
            }
            Self::Bytes(_) => vec![Picture::of(input)],
        }
    }

    /// Decodes a picture.
    pub fn decode(&self, picture: &Picture) -> data::Result<Image> {
        let image = match self {
            Self::Bytes(bytes) => Image::decode(bytes),
            Self::Dicom(file) => file.frame(picture.frame.map_or(0, |frame| frame - 1)),
        };
        image.map_err(Error::image(picture.shown().as_ref()))
    }
}

impl Picture {
    /// A file as a whole.
    pub fn of(input: &Input) -> Self {
        let Input { path, name, is_named } = input;
        Self {
            path: path.clone(),
            name: name.clone(),
            frame: None,
            is_named: *is_named,
            dicom: None,
        }
    }

    /// How messages call it.
    pub fn shown(&self) -> String {
        match self.frame {
            Some(frame) => format!("{}, frame {frame}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}
