//! Text files from any system: with a byte order mark, in UTF-16, with semicolons.

use std::path::Path;

use crate::{Error, Result};

/// Reads a text file in UTF-8 or UTF-16.
///
/// # Errors
/// [`Error::Io`]; [`Error::Text`] for another encoding.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        bytes => String::from_utf8(bytes.to_vec()).ok(),
    };
    text.ok_or_else(|| Error::text(path)("it is neither UTF-8 nor UTF-16 text; save it as UTF-8"))
}

/// The delimiter of a CSV text: the more frequent one of comma, semicolon and tab in its first line.
pub fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|byte| byte == delimiter).count();
    // Of equals, `max_by_key` takes the last: the comma.
    *b";\t,".iter().max_by_key(|delimiter| count(delimiter)).expect("three delimiters")
}
