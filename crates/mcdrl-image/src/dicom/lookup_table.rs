//! Tables that replace a value by another.

use dicom_core::Tag;
use dicom_object::mem::InMemDicomObject;

use super::broken;
use super::dataset::{bytes, numbers};
use crate::Result;

/// A table of values.
pub struct LookupTable {
    first: i64,
    /// The bits of an entry.
    bits: u32,
    entries: Vec<u16>,
    /// Whether the entries are bytes. Some tables state 16 bits and use 8.
    is_small: bool,
}

impl LookupTable {
    /// Reads a table.
    ///
    /// - `descriptor`: the number of entries (0 for 65,536), the value of the first, and the bits of an entry
    pub fn read(object: &InMemDicomObject, descriptor: Tag, data: Tag) -> Result<Option<Self>> {
        let (Some(descriptor), Some(data)) = (numbers(object, descriptor), object.get(data)) else {
            return Ok(None);
        };
        let wrong = || broken("has a lookup table that cannot be read");
        let [count, first, bits] = descriptor[..] else { return Err(wrong()) };
        // The number may be written as a signed one.
        let count = match count as i64 as u16 {
            0 => 65_536,
            count => usize::from(count),
        };
        let data = bytes(data).ok_or_else(wrong)?;
        let word = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]);
        let entries: Vec<u16> = if data.len() >= 2 * count {
            data.chunks_exact(2).take(count).map(word).collect()
        } else {
            data.iter().take(count).map(|byte| u16::from(*byte)).collect()
        };
        if entries.is_empty() || entries.len() < count {
            return Err(wrong());
        }
        let is_small = bits == 8.0 || entries.iter().all(|entry| *entry < 256);
        Ok(Some(Self { first: first as i64, bits: bits as u32, entries, is_small }))
    }

    /// The entry of a value. Values below and above the table have its first and its last.
    pub fn entry(&self, value: i64) -> u16 {
        let last = self.entries.len() as i64 - 1;
        self.entries[value.saturating_sub(self.first).clamp(0, last) as usize]
    }

    /// The entry of a value as a byte.
    pub fn byte(&self, value: i64) -> u8 {
        let entry = u32::from(self.entry(value));
        if self.is_small { entry as u8 } else { (entry >> (self.bits.clamp(9, 16) - 8)) as u8 }
    }
}
