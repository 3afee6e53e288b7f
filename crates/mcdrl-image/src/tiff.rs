//! TIFF files: which page is the picture, palettes, and values that are not bytes.

use std::io::Cursor;

use ::tiff::ColorType;
use ::tiff::decoder::{Decoder, DecodingResult};
use ::tiff::tags::Tag;

use crate::decode::check_size;
use crate::{Error, Result};

const SUBFILE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const PHOTOMETRIC: u16 = 262;
const ORIENTATION: u16 = 274;
const COLOR_MAP: u16 = 320;

/// The photometric interpretations.
const WHITE_IS_ZERO: u64 = 0;
const BLACK_IS_ZERO: u8 = 1;
const PALETTE: u64 = 3;

/// A page is a thumbnail if it is marked as one, or if a larger page has more than this many times its area.
const THUMBNAIL: u64 = 4;

/// More pages than a camera or a microscope writes. It ends chains that are loops.
const MOST_PAGES: usize = 10_000;

/// The page of a TIFF file that holds the picture, as a file of its own.
pub struct Page {
    /// The file, whose first page is the picture. A page with a palette is rewritten as a grey page of indices, and a deep page
    /// whose white is zero as one whose black is zero.
    pub bytes: Vec<u8>,
    /// Whether the values must be inverted, once they are scaled.
    pub is_inverted: bool,
    /// The orientation of the page, as in EXIF.
    pub orientation: u8,
    /// The colours of the indices, if the page has a palette.
    pub palette: Option<Vec<[u8; 3]>>,
    /// The number of pages that are not thumbnails.
    pub pages: usize,
}

/// Grey values that are not bytes or 16-bit words: floats, signed or 32-bit numbers.
pub struct Values {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Row-major.
    pub values: Vec<f64>,
    /// The bits of a value in the file.
    pub bits: u32,
    /// Whether the file holds floats.
    pub is_float: bool,
}

impl Page {
    /// Finds the first page that is not a thumbnail of another.
    pub fn find(bytes: &[u8]) -> Option<Self> {
        let file = File::of(bytes)?;
        let directories = file.directories();
        let area =
            |directory: &Directory| directory.value(WIDTH).saturating_mul(directory.value(HEIGHT));
        let largest = directories.iter().filter(|page| !page.is_reduced()).map(area).max()?;
        let is_picture = |page: &&Directory| {
            !page.is_reduced() && area(page).saturating_mul(THUMBNAIL) >= largest
        };
        let pages = directories.iter().filter(is_picture).count();
        let page = directories.iter().find(is_picture)?;
        let mut own = bytes.to_vec();
        file.write_offset(&mut own, page.offset);
        let palette = (page.value(PHOTOMETRIC) == PALETTE).then(|| file.palette(page)).flatten();
        // The decoder inverts values before their significant bits are known.
        let photometric = page.entries.iter().find(|entry| entry.tag == PHOTOMETRIC);
        let is_deep = page.value(BITS) > 8
            || page.entries.iter().any(|entry| entry.tag == BITS && entry.count > 1);
        let is_inverted = photometric.is_some_and(|entry| entry.value == WHITE_IS_ZERO) && is_deep;
        if palette.is_some() || is_inverted {
            let at = photometric?.value_at;
            let grey = if file.is_big_endian { [0, BLACK_IS_ZERO] } else { [BLACK_IS_ZERO, 0] };
            own.get_mut(at..at + 2)?.copy_from_slice(&grey);
        }
        let orientation = u8::try_from(page.value(ORIENTATION)).unwrap_or(0);
        Some(Self { bytes: own, is_inverted, orientation, palette, pages })
    }
}

impl Values {
    /// Reads a page of grey values that are floats, signed or of 32 bits; `None` for any other page.
    pub fn read(page: &[u8]) -> Result<Option<Self>> {
        let broken = |e: ::tiff::TiffError| Error::Decode { reason: e.to_string() };
        let mut decoder = Decoder::new(Cursor::new(page)).map_err(broken)?;
        let (width, height) = decoder.dimensions().map_err(broken)?;
        check_size(width as usize, height as usize)?;
        let formats = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(broken)?;
        let is_unsigned = formats.is_none_or(|formats| formats.iter().all(|format| *format == 1));
        let bits = match decoder.colortype() {
            Ok(ColorType::Gray(bits)) if !is_unsigned || bits > 16 => bits.into(),
            _ => return Ok(None),
        };
        let listed = |values: &mut dyn Iterator<Item = f64>| values.collect::<Vec<f64>>();
        let mut is_float = false;
        let values = match decoder.read_image().map_err(broken)? {
            DecodingResult::U8(_) | DecodingResult::U16(_) => return Ok(None),
            DecodingResult::F32(values) => {
                is_float = true;
                listed(&mut values.into_iter().map(f64::from))
            }
            DecodingResult::F64(values) => {
                is_float = true;
                values
            }
            DecodingResult::F16(values) => {
                is_float = true;
                listed(&mut values.into_iter().map(|value| f64::from(value.to_f32())))
            }
            DecodingResult::U32(values) => listed(&mut values.into_iter().map(f64::from)),
            DecodingResult::I8(values) => listed(&mut values.into_iter().map(f64::from)),
            DecodingResult::I16(values) => listed(&mut values.into_iter().map(f64::from)),
            DecodingResult::I32(values) => listed(&mut values.into_iter().map(f64::from)),
            DecodingResult::U64(values) => {
                listed(&mut values.into_iter().map(|value| value as f64))
            }
            DecodingResult::I64(values) => {
                listed(&mut values.into_iter().map(|value| value as f64))
            }
        };
        let (width, height) = (width as usize, height as usize);
        if values.len() != width * height {
            let reason = format!("values of {bits} bits cannot be read");
            return Err(Error::Decode { reason });
        }
        Ok(Some(Self { width, height, values, bits, is_float }))
    }
}

/// The layout of a file: its byte order, and whether offsets have 8 bytes (BigTIFF).
struct File<'a> {
    bytes: &'a [u8],
    is_big_endian: bool,
    is_big: bool,
}

/// A page.
struct Directory {
    offset: u64,
    entries: Vec<Entry>,
}

struct Entry {
    tag: u16,
    count: u64,
    value: u64,
    value_at: usize,
}

impl Directory {
    /// The first value of a tag; 0 if the page does not have it.
    fn value(&self, tag: u16) -> u64 {
        self.entries.iter().find(|entry| entry.tag == tag).map_or(0, |entry| entry.value)
    }

    /// Whether the page is marked as a smaller version of another one, or as its transparency.
    fn is_reduced(&self) -> bool {
        self.value(SUBFILE) & 0b101 != 0
    }
}

impl<'a> File<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (is_big_endian, is_big) = match bytes.first_chunk()? {
            b"II\x2a\0" => (false, false),
            b"MM\0\x2a" => (true, false),
            b"II\x2b\0" => (false, true),
            b"MM\0\x2b" => (true, true),
            _ => return None,
        };
        Some(Self { bytes, is_big_endian, is_big })
    }

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let shift = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.is_big_endian {
            true => bytes.iter().fold(0, shift),
            false => bytes.iter().rev().fold(0, shift),
        })
    }

    /// Where the header has the offset of the first page, and the length of an offset.
    fn first_offset(&self) -> (usize, usize) {
        if self.is_big { (8, 8) } else { (4, 4) }
    }

    fn write_offset(&self, file: &mut [u8], offset: u64) {
        let (at, length) = self.first_offset();
        let bytes = offset.to_be_bytes();
        let bytes = &bytes[8 - length..];
        for (index, byte) in bytes.iter().enumerate() {
            file[if self.is_big_endian { at + index } else { at + length - 1 - index }] = *byte;
        }
    }

    /// The pages, as far as they can be read.
    fn directories(&self) -> Vec<Directory> {
        let (at, length) = self.first_offset();
        let mut directories: Vec<Directory> = Vec::new();
        let mut next = self.number(at, length).unwrap_or(0);
        while next != 0 && directories.len() < MOST_PAGES {
            if directories.iter().any(|directory| directory.offset == next) {
                break;
            }
            let Some((directory, following)) = self.directory(next) else { break };
            directories.push(directory);
            next = following;
        }
        directories
    }

    fn directory(&self, offset: u64) -> Option<(Directory, u64)> {
        let (count_length, entry_length, offset_length) =
            if self.is_big { (8, 20, 8) } else { (2, 12, 4) };
        let start = usize::try_from(offset).ok()?;
        let count = usize::try_from(self.number(start, count_length)?).ok()?;
        let first = start + count_length;
        let end = first.checked_add(count.checked_mul(entry_length)?)?;
        let entries = (first..end).step_by(entry_length).map(|at| {
            let tag = self.number(at, 2)? as u16;
            let kind = self.number(at + 2, 2)?;
            let count = self.number(at + 4, offset_length)?;
            let value_at = at + 4 + offset_length;
            let length = if kind == 3 && count == 1 { 2 } else { offset_length };
            Some(Entry { tag, count, value: self.number(value_at, length)?, value_at })
        });
        let entries = entries.collect::<Option<Vec<_>>>()?;
        Some((Directory { offset, entries }, self.number(end, offset_length)?))
    }

    /// The colours of a palette: all reds, all greens, all blues, 16 bits each.
    fn palette(&self, page: &Directory) -> Option<Vec<[u8; 3]>> {
        let map = page.entries.iter().find(|entry| entry.tag == COLOR_MAP)?;
        let (start, colors) =
            (usize::try_from(map.value).ok()?, usize::try_from(map.count / 3).ok()?);
        let channel = |color: usize, channel: usize| {
            Some((self.number(start + 2 * (channel * colors + color), 2)? >> 8) as u8)
        };
        (0..colors.min(256))
            .map(|color| Some([channel(color, 0)?, channel(color, 1)?, channel(color, 2)?]))
            .collect()
    }
}
