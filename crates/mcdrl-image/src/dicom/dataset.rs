//! The elements of a DICOM file.

use dicom_core::Tag;
use dicom_core::value::{PrimitiveValue, Value};
use dicom_dictionary_std::{tags, uids};
use dicom_object::mem::{InMemDicomObject, InMemElement};
use dicom_transfer_syntax_registry::entries::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::broken;
use super::elements::{Encoding, after_meta, check};
use crate::{Error, Result};

/// Bytes before the mark of a file.
const PREAMBLE: usize = 128;

const MARK: &[u8] = b"DICM";

/// The transfer syntax of elements that are compressed as a whole.
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

/// The most bytes that compressed elements may become.
const MOST_BYTES: usize = 1 << 30;

/// The elements of a file.
pub struct Dataset {
    object: InMemDicomObject,
    /// The transfer syntax. Files without a meta group do not state it.
    syntax: Option<String>,
    is_big_endian: bool,
}

impl Dataset {
    /// Reads a file, also one without preamble or meta group.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let marked = bytes.get(PREAMBLE..).and_then(|rest| rest.strip_prefix(MARK));
        let elements = marked.unwrap_or(bytes);
        let (elements, syntax) = after_meta(elements)?;
        let inflated = match syntax.as_deref() {
            Some(DEFLATED) => Some(inflate(elements)?),
            _ => None,
        };
        let elements = inflated.as_deref().unwrap_or(elements);
        let encoding = Encoding::of(elements);
        check(elements, encoding)?;
        let written = match encoding {
            Encoding::BigEndian => EXPLICIT_VR_BIG_ENDIAN.erased(),
            Encoding::Explicit => EXPLICIT_VR_LITTLE_ENDIAN.erased(),
            Encoding::Implicit => IMPLICIT_VR_LITTLE_ENDIAN.erased(),
        };
        let object = InMemDicomObject::read_dataset_with_ts(elements, &written);
        Ok(Self {
            object: object.map_err(|error| unreadable(&error))?,
            syntax,
            is_big_endian: encoding == Encoding::BigEndian,
        })
    }

    /// All elements.
    pub fn object(&self) -> &InMemDicomObject {
        &self.object
    }

    /// An element.
    pub fn element(&self, tag: Tag) -> Option<&InMemElement> {
        self.object.get(tag)
    }

    /// A count or a code.
    pub fn number(&self, tag: Tag) -> Option<usize> {
        number(&self.object, tag)
    }

    /// Numbers.
    pub fn numbers(&self, tag: Tag) -> Option<Vec<f64>> {
        numbers(&self.object, tag)
    }

    /// A code word.
    pub fn word(&self, tag: Tag) -> Option<String> {
        word(&self.object, tag)
    }

    /// What the values of a pixel mean.
    pub fn photometric(&self) -> String {
        self.word(tags::PHOTOMETRIC_INTERPRETATION).unwrap_or_default()
    }

    /// The first item of a sequence.
    pub fn item(&self, tag: Tag) -> Option<&InMemDicomObject> {
        item(&self.object, tag)
    }

    /// A value that may lie in the functional groups of a frame, in those of all frames, or at the top.
    ///
    /// - `group`: the sequence of the functional group
    /// - `read`: reads the value from one of these places
    pub fn of_frame<T>(
        &self,
        frame: usize,
        group: Tag,
        read: impl Fn(&InMemDicomObject) -> Option<T>,
    ) -> Option<T> {
        let frames = self.object.get(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
        let own = frames.and_then(|frames| frames.value().items()?.get(frame));
        let shared = item(&self.object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let in_groups = [own, shared].into_iter().flatten();
        let mut found = in_groups.filter_map(|groups| read(item(groups, group)?));
        found.next().or_else(|| read(&self.object))
    }

    /// The bytes of pixel data that are not compressed.
    pub fn pixel_bytes(&self) -> usize {
        match self.element(tags::PIXEL_DATA).map(|element| element.value()) {
            Some(Value::Primitive(value)) => value.calculate_byte_len(),
            _ => 0,
        }
    }

    /// Whether the highest byte of a number came first.
    pub fn is_big_endian(&self) -> bool {
        self.is_big_endian
    }

    /// Whether the pixel data are a video stream.
    pub fn is_video(&self) -> bool {
        // MPEG-2, MPEG-4 AVC and HEVC.
        const VIDEOS: [&str; 4] =
            [uids::MPEG2MPML, uids::MPEG2MPHL, "1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.4.102"];
        self.syntax
            .as_ref()
            .is_some_and(|syntax| VIDEOS.iter().any(|video| syntax.starts_with(video)))
    }

    /// Millimetres per row and column of an ultrasound picture, if all its regions are pictures of one scale.
    pub fn ultrasound_spacing(&self) -> Option<Vec<f64>> {
        const CENTIMETRES: usize = 3;
        const PICTURE: usize = 1;
        let scale = |region: &InMemDicomObject| {
            let units = [tags::PHYSICAL_UNITS_X_DIRECTION, tags::PHYSICAL_UNITS_Y_DIRECTION];
            let is_metric = units.iter().all(|tag| number(region, *tag) == Some(CENTIMETRES));
            let is_picture = number(region, tags::REGION_SPATIAL_FORMAT) == Some(PICTURE);
            let delta = |tag| Some(10.0 * numbers(region, tag)?.first()?.abs());
            let scale = vec![delta(tags::PHYSICAL_DELTA_Y)?, delta(tags::PHYSICAL_DELTA_X)?];
            (is_metric && is_picture).then_some(scale)
        };
        let regions = self.element(tags::SEQUENCE_OF_ULTRASOUND_REGIONS)?.value().items()?;
        let first = scale(regions.first()?)?;
        regions.iter().all(|region| scale(region).as_ref() == Some(&first)).then_some(first)
    }
}

fn inflate(elements: &[u8]) -> Result<Vec<u8>> {
    let inflated = decompress_to_vec_with_limit(elements, MOST_BYTES);
    inflated.map_err(|error| broken(format!("cannot be decompressed: {error}")))
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Error {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let is_cut_off = causes.clone().any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof)
    });
    match causes.last() {
        _ if is_cut_off => broken("is cut off"),
        Some(cause) => broken(format!("cannot be read: {cause}")),
        None => broken("cannot be read"),
    }
}

/// A count or a code of an item.
pub fn number(object: &InMemDicomObject, tag: Tag) -> Option<usize> {
    object.get(tag)?.value().to_int::<i64>().ok()?.try_into().ok()
}

/// Numbers of an item.
pub fn numbers(object: &InMemDicomObject, tag: Tag) -> Option<Vec<f64>> {
    let numbers = object.get(tag)?.value().to_multi_float64().ok()?;
    (!numbers.is_empty()).then_some(numbers)
}

/// A code word of an item.
pub fn word(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = object.get(tag)?.value().to_str().ok()?;
    Some(text.trim_matches(['\0', ' ']).to_owned())
}

/// The first item of a sequence of an item.
pub fn item(object: &InMemDicomObject, tag: Tag) -> Option<&InMemDicomObject> {
    object.get(tag)?.value().items()?.first()
}

/// The bytes of a value without a structure, in little endian.
pub fn bytes(element: &InMemElement) -> Option<Vec<u8>> {
    match element.value() {
        Value::Primitive(PrimitiveValue::U16(words)) => {
            Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
        }
        Value::Primitive(value) => Some(value.to_bytes().into_owned()),
        _ => None,
    }
}
