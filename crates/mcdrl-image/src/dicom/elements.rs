//! The elements of a file, without their values: where they begin, how long they are, and how deep they are nested.
//!
//! The parser reserves memory for the length that an element states. It calls itself for each level. So both are checked before it
//! runs.

use super::broken;
use crate::Result;

/// The group of the elements that say how the others are written.
pub const META: [u8; 2] = [2, 0];

/// The deepest nesting that is read. Files of devices have fewer than ten levels.
const DEEPEST: usize = 32;

/// The length of an element that ends with a mark.
const UNDEFINED: u32 = u32::MAX;

/// How an element is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Tag and length.
    Implicit,
    /// Tag, kind of value and length.
    Explicit,
    /// The same, the highest byte of a number first.
    BigEndian,
}

/// The header of an element.
struct Header {
    group: u16,
    number: u16,
    /// The kind of the value; spaces where it is not written.
    vr: [u8; 2],
    length: u32,
    /// The bytes of the header.
    bytes: usize,
}

impl Encoding {
    /// The encoding of elements by the first of them. What the meta group says is sometimes wrong.
    pub fn of(elements: &[u8]) -> Self {
        let is_explicit =
            elements.get(4..6).is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
        match is_explicit {
            true if elements.starts_with(&[0]) => Self::BigEndian,
            true => Self::Explicit,
            false => Self::Implicit,
        }
    }

    /// The header at the start of elements. `None` if it is cut off.
    fn header(self, elements: &[u8]) -> Option<Header> {
        let number = |from: usize, to: usize| {
            let bytes = elements.get(from..to)?.iter();
            let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
            Some(if self == Self::BigEndian {
                bytes.fold(0, add)
            } else {
                bytes.rev().fold(0, add)
            })
        };
        let (group, element) = (number(0, 2)? as u16, number(2, 4)? as u16);
        let vr: [u8; 2] = elements.get(4..6)?.try_into().ok()?;
        // Items and their ends have no kind of value.
        let (vr, length, bytes) = match &vr {
            _ if self == Self::Implicit || group == ITEMS => (*b"  ", number(4, 8)?, 8),
            [b'O', _] | [b'U', b'C' | b'N' | b'R' | b'T' | b'V'] | [b'S', b'Q' | b'V'] => {
                (vr, number(8, 12)?, 12)
            }
            _ => (vr, number(6, 8)?, 8),
        };
        Some(Header { group, number: element, vr, length, bytes })
    }
}

/// The group of items and of the marks that end them.
const ITEMS: u16 = 0xfffe;
const ITEM: u16 = 0xe000;

/// A part of the file whose elements are walked through.
#[derive(Clone, Copy)]
struct Level {
    /// Where it ends; `None` if a mark ends it.
    end: Option<usize>,
    /// Whether its items are pieces of a compressed picture.
    is_picture: bool,
    encoding: Encoding,
}

/// Reads the meta group. Returns the elements after it, and the transfer syntax that it states. The group ends where another group
/// begins; its own length is not used.
///
/// # Errors
/// [`Error::Decode`](crate::Error::Decode) if the group is longer than the file.
pub fn after_meta(mut elements: &[u8]) -> Result<(&[u8], Option<String>)> {
    const TRANSFER_SYNTAX: u16 = 0x10;
    let mut syntax = None;
    while elements.starts_with(&META) {
        let cut_off = || broken("is cut off");
        let header = Encoding::Explicit.header(elements).ok_or_else(cut_off)?;
        let value = elements.get(header.bytes..).unwrap_or_default();
        let (value, rest) = value.split_at_checked(header.length as usize).ok_or_else(cut_off)?;
        if header.number == TRANSFER_SYNTAX {
            let text = String::from_utf8_lossy(value);
            syntax = Some(text.trim_matches(['\0', ' ']).to_owned());
        }
        elements = rest;
    }
    Ok((elements, syntax.filter(|syntax| !syntax.is_empty())))
}

/// Checks that no element is longer than what holds it, and that none lies too deep.
///
/// # Errors
/// [`Error::Decode`](crate::Error::Decode)
pub fn check(elements: &[u8], encoding: Encoding) -> Result<()> {
    let whole = Level { end: Some(elements.len()), is_picture: false, encoding };
    let mut levels = vec![whole];
    let mut at = 0;
    while let Some(level) = levels.last().copied() {
        if level.end.is_some_and(|end| at >= end) {
            levels.pop();
            continue;
        }
        // The parser tells what is wrong with less than a header.
        let Some(header) = level.encoding.header(&elements[at..]) else { return Ok(()) };
        at += header.bytes;
        if header.group == ITEMS && header.number != ITEM {
            // The end of a sequence or of an item.
            if levels.len() > 1 && level.end.is_none() {
                levels.pop();
            }
            continue;
        }
        let end = match header.length {
            UNDEFINED => None,
            length => {
                let limit = levels.iter().rev().find_map(|level| level.end).unwrap_or(0);
                let end = at + length as usize;
                if end > limit {
                    return Err(broken("is cut off"));
                }
                Some(end)
            }
        };
        let is_item = header.group == ITEMS;
        let is_pixel_data = [header.group, header.number] == [0x7fe0, 0x10];
        let begins_with_item = elements[at..].starts_with(b"\xfe\xff\x00\xe0");
        let is_nested = match (&header.vr, end) {
            _ if is_item => !level.is_picture,
            (_, None) | (b"SQ", _) => true,
            // A sequence that does not say that it is one.
            (b"UN" | b"  ", Some(_)) => begins_with_item && !is_pixel_data,
            _ => false,
        };
        match end {
            Some(end) if !is_nested => at = end,
            _ => {
                // An unknown value of unknown length is written without kinds of values.
                let encoding = match &header.vr {
                    b"UN" => Encoding::Implicit,
                    _ => level.encoding,
                };
                levels.push(Level { end, is_picture: is_pixel_data, encoding });
            }
        }
        if levels.len() > DEEPEST {
            return Err(broken(format!("has more than {DEEPEST} levels")));
        }
    }
    Ok(())
}
