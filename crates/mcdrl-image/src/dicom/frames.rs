//! Where the bytes of a frame lie.

use std::borrow::Cow;

use dicom_core::value::{PrimitiveValue, Value};
use dicom_dictionary_std::tags;

use super::dataset::Dataset;
use super::{broken, samples};
use crate::Result;

/// The bytes of a frame, as they are stored. Words are in little endian.
pub enum FrameBytes<'a> {
    /// Samples.
    Plain(Cow<'a, [u8]>),
    /// A compressed picture.
    Compressed(Cow<'a, [u8]>),
}

/// The number of frames.
///
/// # Errors
/// [`Error::Decode`](crate::Error::Decode) if the file states more than it can hold.
pub fn count(dataset: &Dataset) -> Result<usize> {
    let stated = dataset.number(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1);
    let element = dataset.element(tags::PIXEL_DATA);
    let held = match element.map(|element| element.value()) {
        Some(Value::PixelSequence(sequence)) => sequence.fragments().len(),
        _ => dataset.pixel_bytes() / samples::frame_length(dataset)?,
    };
    // That of a single frame is told when it is read.
    if stated > 1 && stated > held {
        return Err(broken(format!("is cut off: it states {stated} frames and has {held}")));
    }
    Ok(stated)
}

/// Finds the bytes of a frame.
pub fn bytes(dataset: &Dataset, index: usize, frames: usize) -> Result<FrameBytes<'_>> {
    let missing = || broken(format!("has no frame {} of {frames}", index + 1));
    let element = dataset.element(tags::PIXEL_DATA).ok_or_else(missing)?;
    match element.value() {
        Value::PixelSequence(sequence) => {
            let fragments = sequence.fragments();
            let of_frame = if fragments.len() == frames {
                index..index + 1
            } else if frames == 1 {
                0..fragments.len()
            } else {
                by_offsets(fragments, sequence.offset_table(), index)
                    .or_else(|| by_starts(fragments, index))
                    .ok_or_else(missing)?
            };
            match fragments.get(of_frame).ok_or_else(missing)? {
                [] => Err(missing()),
                [fragment] => Ok(FrameBytes::Compressed(fragment.as_slice().into())),
                fragments => Ok(FrameBytes::Compressed(fragments.concat().into())),
            }
        }
        Value::Primitive(value) => {
            let length = samples::frame_length(dataset)?;
            let all: Cow<[u8]> = match value {
                PrimitiveValue::U8(bytes) => bytes.as_slice().into(),
                PrimitiveValue::U16(words)
                    if dataset.is_big_endian() && samples::is_long(dataset)? =>
                {
                    // A long number in this byte order has its upper word first.
                    let pairs = words.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]);
                    pairs.flat_map(u16::to_le_bytes).collect::<Vec<_>>().into()
                }
                _ => super::dataset::bytes(element).ok_or_else(missing)?.into(),
            };
            let (start, end) = (index * length, (index + 1) * length);
            if all.len() < end {
                let found = all.len().saturating_sub(start);
                return Err(broken(format!(
                    "is cut off: frame {} has {found} of {length} bytes",
                    index + 1
                )));
            }
            Ok(FrameBytes::Plain(match all {
                Cow::Borrowed(all) => all[start..end].into(),
                Cow::Owned(all) => all[start..end].to_vec().into(),
            }))
        }
        Value::Sequence(_) => Err(missing()),
    }
}

/// The fragments of a frame by the table of their offsets.
fn by_offsets(
    fragments: &[Vec<u8>],
    table: &[u32],
    index: usize,
) -> Option<std::ops::Range<usize>> {
    /// The tag and the length before a fragment.
    const HEADER: u32 = 8;
    let begins = |offset: u32| {
        let mut at = 0;
        fragments.iter().position(|fragment| {
            let is_here = at == offset;
            at += HEADER + fragment.len() as u32;
            is_here
        })
    };
    let start = begins(*table.get(index)?)?;
    let end = match table.get(index + 1) {
        Some(offset) => begins(*offset)?,
        None => fragments.len(),
    };
    Some(start..end)
}

/// The fragments of a frame by the first bytes of a JPEG or JPEG 2000 picture.
fn by_starts(fragments: &[Vec<u8>], index: usize) -> Option<std::ops::Range<usize>> {
    let is_start = |fragment: &Vec<u8>| {
        [&b"\xff\xd8\xff"[..], b"\xff\x4f\xff\x51"].iter().any(|mark| fragment.starts_with(mark))
    };
    let all = fragments.iter().enumerate().filter(|(_, fragment)| is_start(fragment));
    let mut starts = all.map(|(at, _)| at).skip(index);
    let start = starts.next()?;
    Some(start..starts.next().unwrap_or(fragments.len()))
}
