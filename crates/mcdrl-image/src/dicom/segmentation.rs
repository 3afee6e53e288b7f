//! DICOM Segmentation (PS3.3, A.51): a mask that archives and viewers show over its picture.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use dicom_core::header::Tag;
use dicom_core::value::{DataSetSequence, PrimitiveValue};
use dicom_core::{DataElement, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::text::SpecificCharacterSet;
use dicom_object::FileMetaTableBuilder;
use dicom_object::mem::InMemDicomObject;

use super::dataset::Dataset;
use super::{DicomFile, broken};
use crate::{Error, Mask, Result};

/// The elements of the patient and of the study. A segmentation repeats those of its picture, and an archive files it by them.
const COMMON: [(Tag, VR); 10] = [
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_INSTANCE_UID, VR::UI),
    (tags::STUDY_ID, VR::SH),
];

/// The most classes of a mask.
const MOST_CLASSES: usize = 254;

/// The elements that say how a picture was compressed. A segmentation repeats them.
const COMPRESSION: [Tag; 3] = [
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
];

/// The name of the maker and of the algorithm.
const NAME: &str = "mcdrl";

impl DicomFile {
    /// A DICOM Segmentation of a frame, as a file. Every class is a segment. The file refers to the picture. It carries its
    /// patient and its study, without which no archive could file it.
    ///
    /// - `mask`: of the frame
    /// - `classes`: their names, without the background
    ///
    /// # Errors
    /// [`Error::Decode`] if the picture does not say who it is, [`Error::BufferLength`] for a mask of another size,
    /// [`Error::Encode`] for a class without a name.
    pub fn segmentation(&self, frame: usize, mask: &Mask, classes: &[String]) -> Result<Vec<u8>> {
        let source = Source::of(&self.dataset, frame, self.frames)?;
        let largest = mask.classes().iter().copied().max().unwrap_or(0);
        if classes.is_empty()
            || classes.len() > MOST_CLASSES
            || usize::from(largest) > classes.len()
        {
            let reason = format!(
                "the mask has the class {largest} and {} classes have a name; name each, 1 to {MOST_CLASSES}",
                classes.len()
            );
            return Err(Error::Encode { reason });
        }
        let [rows, columns] = [tags::ROWS, tags::COLUMNS].map(|tag| self.dataset.number(tag));
        let (width, height) = (columns.unwrap_or(0), rows.unwrap_or(0));
        if (mask.width(), mask.height()) != (width, height) {
            let (expected, found) = (width * height, mask.classes().len());
            return Err(Error::BufferLength { width, height, expected, found });
        }
        let mut shown: Vec<usize> =
            (1..=classes.len()).filter(|class| mask.classes().contains(&(*class as u8))).collect();
        if shown.is_empty() {
            // A file has at least one frame.
            shown.push(1);
        }
        let instance = new_uid();
        let object = Object::new()
            .with_common(&self.dataset)
            .with_identity(&instance, &self.series, frame + 1)
            .with_source(&source)
            .with_segments(classes)
            .with_frames(&self.dataset, &source, &shown)
            .with_pixels(mask, &shown);
        let meta = FileMetaTableBuilder::new()
            .media_storage_sop_class_uid(uids::SEGMENTATION_STORAGE)
            .media_storage_sop_instance_uid(instance)
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
        let unwritten = |error: &dyn std::error::Error| Error::Encode { reason: error.to_string() };
        let file = object.0.with_meta(meta).map_err(|error| unwritten(&error))?;
        let mut bytes = Vec::new();
        file.write_all(&mut bytes).map_err(|error| unwritten(&error))?;
        Ok(bytes)
    }
}

/// The picture that is segmented.
struct Source {
    class: String,
    instance: String,
    series: String,
    /// From 1, in a file with several frames.
    frame: Option<usize>,
}

impl Source {
    fn of(dataset: &Dataset, frame: usize, frames: usize) -> Result<Self> {
        let uid = |tag, name: &str| {
            let missing =
                || broken(format!("does not state its {name}, so nothing can refer to it"));
            dataset.word(tag).filter(|uid| !uid.is_empty()).ok_or_else(missing)
        };
        if frame >= frames {
            return Err(broken(format!("has {frames} frames and no frame {}", frame + 1)));
        }
        uid(tags::STUDY_INSTANCE_UID, "study")?;
        Ok(Self {
            class: uid(tags::SOP_CLASS_UID, "SOP class")?,
            instance: uid(tags::SOP_INSTANCE_UID, "SOP instance")?,
            series: uid(tags::SERIES_INSTANCE_UID, "series")?,
            frame: (frames > 1).then_some(frame + 1),
        })
    }

    fn reference(&self) -> Object {
        let reference = Object::new()
            .with(tags::REFERENCED_SOP_CLASS_UID, VR::UI, self.class.as_str())
            .with(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, self.instance.as_str());
        match self.frame {
            Some(frame) => reference.with(tags::REFERENCED_FRAME_NUMBER, VR::IS, frame.to_string()),
            None => reference,
        }
    }
}

/// A data set that is written.
struct Object(InMemDicomObject);

impl Object {
    fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    fn with(mut self, tag: Tag, vr: VR, value: impl Into<PrimitiveValue>) -> Self {
        self.0.put(DataElement::new(tag, vr, value.into()));
        self
    }

    fn with_items(mut self, tag: Tag, items: impl IntoIterator<Item = Self>) -> Self {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    fn with_code(self, tag: Tag, [value, scheme, meaning]: [&str; 3]) -> Self {
        let code = Self::new()
            .with(tags::CODE_VALUE, VR::SH, value)
            .with(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme)
            .with(tags::CODE_MEANING, VR::LO, meaning);
        self.with_items(tag, [code])
    }

    fn with_common(mut self, dataset: &Dataset) -> Self {
        for (tag, vr) in COMMON {
            match dataset.element(tag) {
                Some(element) => {
                    self.0.put(element.clone());
                }
                None => self = self.with(tag, vr, PrimitiveValue::Empty),
            }
        }
        self = self.with(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00");
        for tag in COMPRESSION {
            if let Some(element) = dataset.element(tag) {
                self.0.put(element.clone());
            }
        }
        // A place in space.
        if let Some(element) = dataset.element(tags::FRAME_OF_REFERENCE_UID) {
            self.0.put(element.clone());
            self = self.with(tags::POSITION_REFERENCE_INDICATOR, VR::LO, PrimitiveValue::Empty);
        }
        let set = dataset.element(tags::SPECIFIC_CHARACTER_SET);
        let words = dataset.word(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default();
        match set {
            // Names in a set that is not known were read as bytes, and are written as the same ones.
            Some(set) if !words.is_empty() && SpecificCharacterSet::from_code(&words).is_none() => {
                self.0.put(set.clone());
                self
            }
            _ => self.with(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
        }
    }

    fn with_identity(self, instance: &str, series: &str, number: usize) -> Self {
        let [date, time] = now();
        self.with(
            tags::IMAGE_TYPE,
            VR::CS,
            PrimitiveValue::Strs(["DERIVED".into(), "PRIMARY".into()].into_iter().collect()),
        )
        .with(tags::SOP_CLASS_UID, VR::UI, uids::SEGMENTATION_STORAGE)
        .with(tags::SOP_INSTANCE_UID, VR::UI, instance)
        .with(tags::SERIES_INSTANCE_UID, VR::UI, series)
        .with(tags::SERIES_NUMBER, VR::IS, "1")
        .with(tags::INSTANCE_NUMBER, VR::IS, number.to_string())
        .with(tags::INSTANCE_CREATION_DATE, VR::DA, date.as_str())
        .with(tags::INSTANCE_CREATION_TIME, VR::TM, time.as_str())
        .with(tags::CONTENT_DATE, VR::DA, date.as_str())
        .with(tags::CONTENT_TIME, VR::TM, time.as_str())
        .with(tags::MODALITY, VR::CS, "SEG")
        .with(tags::MANUFACTURER, VR::LO, NAME)
        .with(tags::MANUFACTURER_MODEL_NAME, VR::LO, NAME)
        .with(tags::DEVICE_SERIAL_NUMBER, VR::LO, "none")
        .with(tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"))
        .with(tags::CONTENT_LABEL, VR::CS, "LESIONS")
        .with(tags::CONTENT_DESCRIPTION, VR::LO, PrimitiveValue::Empty)
        .with(tags::CONTENT_CREATOR_NAME, VR::PN, PrimitiveValue::Empty)
    }

    fn with_source(self, source: &Source) -> Self {
        let instances = Self::new()
            .with_items(tags::REFERENCED_INSTANCE_SEQUENCE, [source.reference()])
            .with(tags::SERIES_INSTANCE_UID, VR::UI, source.series.as_str());
        self.with_items(tags::REFERENCED_SERIES_SEQUENCE, [instances])
            .with_items(tags::SOURCE_IMAGE_SEQUENCE, [source.reference()])
    }

    fn with_segments(self, classes: &[String]) -> Self {
        let segments = classes.iter().zip(1u16..).map(|(class, number)| {
            let algorithm = Self::new()
                .with_code(
                    tags::ALGORITHM_FAMILY_CODE_SEQUENCE,
                    ["123110", "DCM", "Artificial Intelligence"],
                )
                .with(tags::ALGORITHM_VERSION, VR::LO, env!("CARGO_PKG_VERSION"))
                .with(tags::ALGORITHM_NAME, VR::LO, NAME);
            Self::new()
                .with_code(
                    tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE,
                    ["49755003", "SCT", "Morphologically Abnormal Structure"],
                )
                .with_code(
                    tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE,
                    ["52988006", "SCT", "Lesion"],
                )
                .with(tags::SEGMENT_NUMBER, VR::US, number)
                .with(tags::SEGMENT_LABEL, VR::LO, class.as_str())
                .with(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC")
                .with(tags::SEGMENT_ALGORITHM_NAME, VR::LO, NAME)
                .with_items(tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, [algorithm])
        });
        let segments: Vec<Self> = segments.collect();
        self.with_items(tags::SEGMENT_SEQUENCE, segments)
            .with(tags::SEGMENTATION_TYPE, VR::CS, "BINARY")
            .with(tags::SEGMENTS_OVERLAP, VR::CS, "NO")
    }

    /// Which class a frame shows, from which picture it comes, and where it lies.
    fn with_frames(self, dataset: &Dataset, source: &Source, shown: &[usize]) -> Self {
        let organization = new_uid();
        let dimension = Self::new()
            .with(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization.as_str())
            .with(tags::DIMENSION_INDEX_POINTER, VR::AT, tags::REFERENCED_SEGMENT_NUMBER)
            .with(tags::FUNCTIONAL_GROUP_POINTER, VR::AT, tags::SEGMENT_IDENTIFICATION_SEQUENCE)
            .with(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, "Referenced Segment Number");
        let groups = shown.iter().map(|class| {
            let image = source
                .reference()
                .with(tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, "YES")
                .with_code(
                    tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
                    ["121322", "DCM", "Source image for image processing operation"],
                );
            let derivation = Self::new()
                .with_items(tags::SOURCE_IMAGE_SEQUENCE, [image])
                .with_code(tags::DERIVATION_CODE_SEQUENCE, ["113076", "DCM", "Segmentation"]);
            let content = Self::new().with(tags::DIMENSION_INDEX_VALUES, VR::UL, *class as u32);
            let segment = Self::new().with(tags::REFERENCED_SEGMENT_NUMBER, VR::US, *class as u16);
            let groups = Self::new()
                .with_items(tags::DERIVATION_IMAGE_SEQUENCE, [derivation])
                .with_items(tags::FRAME_CONTENT_SEQUENCE, [content])
                .with_items(tags::SEGMENT_IDENTIFICATION_SEQUENCE, [segment]);
            groups.with_copied(
                tags::PLANE_POSITION_SEQUENCE,
                dataset,
                &[tags::IMAGE_POSITION_PATIENT],
            )
        });
        let groups: Vec<Self> = groups.collect();
        let shared = Self::new()
            .with_copied(
                tags::PIXEL_MEASURES_SEQUENCE,
                dataset,
                &[tags::PIXEL_SPACING, tags::SLICE_THICKNESS],
            )
            .with_copied(
                tags::PLANE_ORIENTATION_SEQUENCE,
                dataset,
                &[tags::IMAGE_ORIENTATION_PATIENT],
            );
        let organization = Self::new().with(tags::DIMENSION_ORGANIZATION_UID, VR::UI, organization);
        self.with_items(tags::DIMENSION_ORGANIZATION_SEQUENCE, [organization])
            .with_items(tags::DIMENSION_INDEX_SEQUENCE, [dimension])
            .with_items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, [shared])
            .with_items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, groups)
    }

    /// A functional group with elements of the picture, if it has them all.
    fn with_copied(self, group: Tag, dataset: &Dataset, elements: &[Tag]) -> Self {
        let elements: Option<Vec<_>> = elements.iter().map(|tag| dataset.element(*tag)).collect();
        match elements {
            Some(elements) => {
                let item = InMemDicomObject::from_element_iter(elements.into_iter().cloned());
                self.with_items(group, [Self(item)])
            }
            None => self,
        }
    }

    /// A bit a pixel, a frame a class.
    fn with_pixels(self, mask: &Mask, shown: &[usize]) -> Self {
        let bits = shown.iter().flat_map(|class| {
            mask.classes().iter().map(move |found| usize::from(*found) == *class)
        });
        let bits: Vec<bool> = bits.collect();
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << at)
        };
        let mut bytes: Vec<u8> = bits.chunks(8).map(byte).collect();
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        self.with(tags::SAMPLES_PER_PIXEL, VR::US, 1u16)
            .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
            .with(tags::NUMBER_OF_FRAMES, VR::IS, shown.len().to_string())
            .with(tags::ROWS, VR::US, mask.height() as u16)
            .with(tags::COLUMNS, VR::US, mask.width() as u16)
            .with(tags::BITS_ALLOCATED, VR::US, 1u16)
            .with(tags::BITS_STORED, VR::US, 1u16)
            .with(tags::HIGH_BIT, VR::US, 0u16)
            .with(tags::PIXEL_REPRESENTATION, VR::US, 0u16)
            .with(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into()))
    }
}

/// A new identifier (PS3.5, B.2): a random number below the root that is free for all.
pub fn new_uid() -> String {
    let random = || u128::from(RandomState::new().hash_one(0));
    format!("2.25.{}", random() << 64 | random())
}

/// The date and the time in UTC, as in an element.
fn now() -> [String; 2] {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that the day of a leap year is the last one. 719,468 days lie between 1 March 0 and 1970.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) =
        (era * 400 + year + u64::from(month >= 10), if month < 10 { month + 3 } else { month - 9 });
    [
        format!("{year:04}{month:02}{day:02}"),
        format!("{:02}{:02}{:02}", second / 3_600, second / 60 % 60, second % 60),
    ]
}

#[cfg(test)]
mod tests {
    use super::{new_uid, now};

    #[test]
    fn identifiers_are_new_and_fit() {
        let uids = [new_uid(), new_uid()];
        assert_ne!(uids[0], uids[1]);
        assert!(uids.iter().all(|uid| uid.len() <= 64 && !uid.contains(".0")));
    }

    #[test]
    fn the_date_has_eight_digits() {
        let [date, time] = now();
        assert_eq!((date.len(), time.len()), (8, 6));
        assert!(date.as_str() > "20260101" && date.as_str() < "21000101");
    }
}
