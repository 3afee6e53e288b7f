//! Where the bytes of a frame lie.

use std::borrow::Cow;
use std::ops::Range;

use dicom_core::value::{PrimitiveValue, Value};
use dicom_dictionary_std::tags;

use super::broken;
use super::dataset::Dataset;
use super::samples::Layout;
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
        _ => dataset.pixel_bytes() / Layout::of(dataset)?.frame_length(),
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
            let layout = Layout::of(dataset)?;
            let length = layout.frame_length();
            let held = dataset.pixel_bytes().saturating_sub(index * length).min(length);
            if held < length {
                let frame = index + 1;
                return Err(broken(format!(
                    "is cut off: frame {frame} has {held} of {length} bytes"
                )));
            }
            let is_swapped = dataset.is_big_endian() && layout.bits_allocated == 32;
            let range = index * length..(index + 1) * length;
            plain(value, range, is_swapped).map(FrameBytes::Plain).ok_or_else(missing)
        }
        Value::Sequence(_) => Err(missing()),
    }
}

/// A part of the pixel data that are not compressed.
///
/// - `is_swapped`: whether a number has two words, and the upper one is the first
fn plain(value: &PrimitiveValue, range: Range<usize>, is_swapped: bool) -> Option<Cow<'_, [u8]>> {
    match value {
        PrimitiveValue::U8(bytes) => Some(bytes.get(range)?.into()),
        PrimitiveValue::U16(words) => {
            let words = words.get(range.start / 2..range.end.div_ceil(2))?;
            let mut bytes: Vec<u8> = match is_swapped {
                true => words
                    .chunks_exact(2)
                    .flat_map(|w| [w[1], w[0]])
                    .flat_map(u16::to_le_bytes)
                    .collect(),
                false => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
            };
            // A frame of an odd length may begin in the middle of a word.
            bytes.drain(..range.start % 2);
            bytes.truncate(range.len());
            Some(bytes.into())
        }
        value => Some(value.to_bytes().get(range)?.to_vec().into()),
    }
}

/// The fragments of a frame by the table of their offsets.
fn by_offsets(fragments: &[Vec<u8>], table: &[u32], index: usize) -> Option<Range<usize>> {
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
fn by_starts(fragments: &[Vec<u8>], index: usize) -> Option<Range<usize>> {
    let is_start = |fragment: &Vec<u8>| {
        [&b"\xff\xd8\xff"[..], b"\xff\x4f\xff\x51"].iter().any(|mark| fragment.starts_with(mark))
    };
    let all = fragments.iter().enumerate().filter(|(_, fragment)| is_start(fragment));
    let mut starts = all.map(|(at, _)| at).skip(index);
    let start = starts.next()?;
    Some(start..starts.next().unwrap_or(fragments.len()))
}
