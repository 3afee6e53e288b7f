//! The library's log.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::CallbackError;

/// The level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Information.
    Info,
    /// Something differs from the request.
    Warning,
    /// A bug of this library.
    Error,
}

/// Receives log lines, on any thread. Log lines contain no image data.
#[uniffi::export(with_foreign)]
pub trait LogSink: Send + Sync {
    /// Receives a line.
    ///
    /// # Errors
    /// Exceptions of the caller's code. They are ignored.
    fn log(&self, level: LogLevel, message: String) -> Result<(), CallbackError>;
}

static SINK: RwLock<Option<Arc<dyn LogSink>>> = RwLock::new(None);

/// Sets the receiver of the log of all segmenters. `None` switches the log off.
#[uniffi::export]
pub fn set_log_sink(sink: Option<Arc<dyn LogSink>>) {
    *SINK.write().unwrap_or_else(PoisonError::into_inner) = sink;
}

pub(crate) fn log(level: LogLevel, message: String) {
    // The lock is released first, because the sink may set another one.
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sink) = sink {
        // Exceptions of the sink are ignored.
        let _ = sink.log(level, message);
    }
}
