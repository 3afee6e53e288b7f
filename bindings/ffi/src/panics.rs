//! Turns panics into errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Result, SegmenterError};
use crate::log::{LogLevel, log};

/// Runs `work`; a panic becomes an error.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // A panic leaves no broken state behind: every image has its own tensors.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = said(panic.as_ref());
        log(LogLevel::Error, format!("panic: {text}"));
        Err(SegmenterError::Internal(text))
    })
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}
