//! The outermost elements of a file: where they begin, and how long they are. The parser reserves memory for the length that an
//! element states, so a length beyond the end of the file is found before.

use super::broken;
use crate::Result;

/// The group of the elements that say how the others are written.
pub const META: [u8; 2] = [2, 0];

/// The transfer syntax of elements that are compressed as a whole.
const DEFLATED: &[u8] = b"1.2.840.10008.1.2.1.99";

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

impl Encoding {
    /// The encoding of elements by the first of them.
    pub fn of(elements: &[u8]) -> Self {
        let is_explicit =
            elements.get(4..6).is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
        match is_explicit {
            true if elements.starts_with(&[0]) => Self::BigEndian,
            true => Self::Explicit,
            false => Self::Implicit,
        }
    }

    /// The length that the first element states, and what follows its header. `None` if its header is cut off.
    fn header(self, elements: &[u8]) -> Option<(u32, &[u8])> {
        let number = |bytes: &[u8]| match self {
            Self::BigEndian => bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)),
            _ => bytes.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)),
        };
        let vr = elements.get(4..6)?;
        let (length, end) = match vr {
            _ if self == Self::Implicit => (4..8, 8),
            [b'O', _] | [b'U', b'C' | b'N' | b'R' | b'T' | b'V'] | [b'S', b'Q' | b'V'] => {
                (8..12, 12)
            }
            _ => (6..8, 8),
        };
        Some((number(elements.get(length)?), elements.get(end..)?))
    }
}

/// What follows the meta group, whatever its own length says.
///
/// # Errors
/// [`Error::Decode`](crate::Error::Decode) if the group is longer than the file.
pub fn after_meta(mut elements: &[u8]) -> Result<&[u8]> {
    while elements.starts_with(&META) {
        let value = Encoding::Explicit.header(elements);
        let rest = value.and_then(|(length, value)| value.get(length as usize..));
        elements = rest.ok_or_else(|| broken("is cut off"))?;
    }
    Ok(elements)
}

/// Checks that no outermost element is longer than the rest of the file.
pub fn check_lengths(elements: &[u8]) -> Result<()> {
    /// The length of an element that ends with a mark. The parser finds it.
    const UNDEFINED: u32 = u32::MAX;
    let mut rest = after_meta(elements)?;
    let meta = &elements[..elements.len() - rest.len()];
    if meta.windows(DEFLATED.len()).any(|window| window == DEFLATED) {
        return Ok(());
    }
    let encoding = Encoding::of(rest);
    while let Some((length, value)) = encoding.header(rest) {
        if length == UNDEFINED {
            break;
        }
        rest = value.get(length as usize..).ok_or_else(|| broken("is cut off"))?;
    }
    Ok(())
}
