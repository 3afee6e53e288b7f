//! Bytes that cross the FFI boundary in one copy.
//!
//! UniFFI copies a `Vec<u8>` byte by byte, which is slow for images and maps. Foreign code sees a `Vec<u8>`.
#![allow(unsafe_code)]

use std::ops::Deref;

use uniffi::deps::anyhow::{Result, bail};
use uniffi::deps::bytes::{Buf, BufMut};
use uniffi::{FfiConverter, MetadataBuffer, TypeId};

/// Bytes: `Data` in Swift, `ByteArray` in Kotlin, `bytes` in Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

// SAFETY: this declares the type of a `Vec<u8>` and uses UniFFI's length and format for it. UniFFI's own macro allocates
// and frees the buffers.
unsafe impl<UT> FfiConverter<UT> for Bytes {
    uniffi::ffi_converter_rust_buffer_lift_and_lower!(UT);

    const TYPE_ID_META: MetadataBuffer = <Vec<u8> as TypeId<UT>>::TYPE_ID_META;

    fn write(value: Self, buffer: &mut Vec<u8>) {
        let length = i32::try_from(value.0.len()).expect("buffers are smaller than 2 GiB");
        buffer.put_i32(length);
        buffer.extend_from_slice(&value.0);
    }

    fn try_read(buffer: &mut &[u8]) -> Result<Self> {
        if buffer.remaining() < 4 {
            bail!("the buffer ends before the length of its bytes");
        }
        let length = usize::try_from(buffer.get_i32())?;
        if buffer.remaining() < length {
            bail!("the buffer announces {length} bytes and has {}", buffer.remaining());
        }
        let (bytes, rest) = buffer.split_at(length);
        *buffer = rest;
        Ok(Self(bytes.to_vec()))
    }
}

uniffi::derive_ffi_traits!(blanket Bytes);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
