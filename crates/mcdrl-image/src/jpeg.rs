//! The markers of a JPEG file: kinds that the decoder does not know, and files without their end.

use std::borrow::Cow;

use crate::kind::FileKind;
use crate::{Error, Note, Result};

const TO_BASELINE: &str = "convert it to PNG, for example with gdcmconv or ImageMagick";

/// The end marker.
const END: [u8; 2] = [0xff, 0xd9];

/// Bytes that a decoder reads only where a part of the picture is missing.
const FILLER: [u8; 256] = [0x5a; 256];

/// The file with an end marker: as it is, or completed if only the marker is missing.
///
/// # Errors
/// [`Error::Kind`] for 12-bit, lossless, arithmetic and hierarchical JPEG; [`Error::Decode`] for a file that is cut off.
pub fn complete<'a>(
    bytes: &'a [u8],
    decode: impl Fn(&[u8]) -> Option<Vec<u8>>,
    notes: &mut Vec<Note>,
) -> Result<Cow<'a, [u8]>> {
    let mut progressive = None;
    let mut has_end = false;
    for (marker, segment) in Markers::of(bytes) {
        match marker {
            0xc0..=0xc2 if segment.first() == Some(&12) => return Err(other("a 12-bit JPEG")),
            0xc2 => progressive = Some(Refinement::default()),
            0xc3 => return Err(other("a lossless JPEG")),
            0xc5..=0xc7 => return Err(other("a hierarchical JPEG")),
            0xc9..=0xcb | 0xcd..=0xcf => return Err(other("an arithmetic-coded JPEG")),
            0xf7 => return Err(other("a JPEG-LS image")),
            0xda => {
                if let Some(refinement) = &mut progressive {
                    refinement.add(segment);
                }
            }
            0xd9 => has_end = true,
            _ => {}
        }
    }
    if has_end {
        return Ok(bytes.into());
    }
    // The decoder fills what is missing. If bytes after the end change the picture, then a part of it was missing.
    let body = bytes.strip_suffix(&[0xff]).unwrap_or(bytes);
    let whole = [body, &END].concat();
    let is_refined = progressive.is_none_or(|refinement| refinement.is_complete());
    let answer = decode(&whole).filter(|_| is_refined);
    if answer.is_none() || answer != decode(&[body, &FILLER, &END].concat()) {
        return Err(Error::Decode { reason: "the JPEG file is cut off".into() });
    }
    notes.push(Note::NoEndMarker);
    Ok(whole.into())
}

/// The same file without a segment of Adobe that is too short to say anything. The decoder would refuse it; libjpeg passes over it.
pub fn without_short_adobe(bytes: &[u8]) -> Cow<'_, [u8]> {
    const ADOBE: u8 = 0xee;
    const SHORTEST: usize = 12;
    let mut markers = Markers::of(bytes);
    let is_short = |(marker, segment): (u8, &[u8])| {
        marker == ADOBE && segment.starts_with(b"Adobe") && segment.len() < SHORTEST
    };
    match markers.find(|marker| is_short(*marker)) {
        Some((_, segment)) => {
            let start = markers.at - segment.len() - 4;
            [&bytes[..start], &bytes[markers.at..]].concat().into()
        }
        None => bytes.into(),
    }
}

fn other(name: &'static str) -> Error {
    Error::Kind(FileKind { name, advice: TO_BASELINE, is_junk: false })
}

/// The marker before the size of the picture, which tells the kind of JPEG, and the bits of a value.
#[cfg(feature = "dicom")]
pub fn frame_marker(bytes: &[u8]) -> Option<(u8, u8)> {
    let is_frame =
        |marker: u8| matches!(marker, 0xc0..=0xcf | 0xf7) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
    let (marker, segment) = Markers::of(bytes).find(|(marker, _)| is_frame(*marker))?;
    Some((marker, *segment.first()?))
}

/// Whether a JPEG file tells what its colours are: it has a marker of JFIF or of Adobe.
#[cfg(feature = "dicom")]
pub fn tells_colors(bytes: &[u8]) -> bool {
    Markers::of(bytes).any(|(marker, segment)| match marker {
        0xe0 => segment.starts_with(b"JFIF"),
        0xee => segment.starts_with(b"Adobe"),
        _ => false,
    })
}

/// The same picture with a marker of Adobe that says that its colours are RGB.
#[cfg(feature = "dicom")]
pub fn as_rgb(bytes: &[u8]) -> Vec<u8> {
    const START: usize = 2;
    const MARKER: &[u8] = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0";
    let (start, rest) = bytes.split_at(START.min(bytes.len()));
    [start, MARKER, rest].concat()
}

/// The same file, whose sequential scan says that it holds all coefficients. Some devices say something else, which is wrong.
#[cfg(feature = "dicom")]
pub fn with_whole_band(bytes: &[u8]) -> Cow<'_, [u8]> {
    const SEQUENTIAL: u8 = 0xc1;
    const SCAN: u8 = 0xda;
    let is_sequential = frame_marker(bytes).is_some_and(|(marker, _)| marker == SEQUENTIAL);
    let mut markers = Markers::of(bytes);
    let scan = markers.find(|(marker, _)| *marker == SCAN).filter(|_| is_sequential);
    match scan.and_then(|(_, scan)| scan.len().checked_sub(3)) {
        Some(_) => {
            let band = markers.at - 3;
            let mut bytes = bytes.to_vec();
            bytes[band..band + 2].copy_from_slice(&[0, 63]);
            bytes.into()
        }
        None => bytes.into(),
    }
}

/// Which coefficients the scans of a progressive file have told exactly: the DC and the last AC, for each component.
#[derive(Default)]
struct Refinement {
    components: std::collections::BTreeMap<u8, [bool; 2]>,
}

impl Refinement {
    fn add(&mut self, scan: &[u8]) {
        let Some((&count, rest)) = scan.split_first() else { return };
        let (of_components, parameters) = rest.split_at(rest.len().min(2 * usize::from(count)));
        let &[first, last, approximation] = parameters else { return };
        for component in of_components.chunks_exact(2) {
            let exact = self.components.entry(component[0]).or_default();
            let is_exact = approximation & 0x0f == 0;
            exact[0] |= is_exact && first == 0;
            exact[1] |= is_exact && last == 63;
        }
    }

    fn is_complete(&self) -> bool {
        !self.components.is_empty() && self.components.values().all(|exact| *exact == [true, true])
    }
}

/// The markers of a file with their segments, without the picture's data.
struct Markers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Markers<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 2 }
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.at += self.bytes.get(self.at..)?.iter().position(|byte| *byte == 0xff)?;
            let marker = *self.bytes.get(self.at + 1)?;
            match marker {
                // A fill byte.
                0xff => self.at += 1,
                // A stuffed byte or a restart inside the picture's data, or a marker without a segment.
                0x00 | 0x01 | 0xd0..=0xd8 => self.at += 2,
                // The end. What follows is not part of the picture.
                0xd9 => {
                    self.at = self.bytes.len();
                    return Some((marker, &[]));
                }
                _ => {
                    let length = self.bytes.get(self.at + 2..self.at + 4)?;
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    let segment = self.bytes.get(self.at + 4..self.at + 2 + length)?;
                    self.at += 2 + length;
                    return Some((marker, segment));
                }
            }
        }
    }
}
