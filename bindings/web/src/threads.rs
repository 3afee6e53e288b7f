//! Rayon's threads are workers of the package. Each calls [`run_thread`] and so becomes a thread of the pool.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::coded;

static WAITING: Mutex<VecDeque<ThreadBuilder>> = Mutex::new(VecDeque::new());
static ADDED: Condvar = Condvar::new();

/// Makes this worker a thread of the pool. It never returns, because the pool never ends.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let thread = loop {
        match waiting.pop_front() {
            Some(thread) => break thread,
            None => waiting = ADDED.wait(waiting).unwrap_or_else(PoisonError::into_inner),
        }
    };
    drop(waiting);
    thread.run();
}

/// Builds the pool from `count` workers. They may call [`run_thread`] before or after this.
///
/// # Errors
/// `internal` if a pool exists already.
#[wasm_bindgen(js_name = buildThreads)]
pub fn build_threads(count: usize) -> Result<(), JsValue> {
    let spawn = |thread| {
        WAITING.lock().unwrap_or_else(PoisonError::into_inner).push_back(thread);
        ADDED.notify_one();
        Ok(())
    };
    let pool = ThreadPoolBuilder::new().num_threads(count).spawn_handler(spawn).build_global();
    pool.map_err(|e| coded("internal", &e.to_string()))
}

/// The shared memory of the threads.
#[wasm_bindgen(js_name = threadMemory)]
pub fn thread_memory() -> JsValue {
    wasm_bindgen::memory()
}
