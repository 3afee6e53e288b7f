//! Rayon's threads are workers that the package starts: each calls [`run_thread`] and so lends itself to the pool.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::coded;

static WAITING: Mutex<VecDeque<ThreadBuilder>> = Mutex::new(VecDeque::new());
static ADDED: Condvar = Condvar::new();

/// Makes this worker one of the pool's threads; returns when the pool ends, so never.
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

/// Builds the pool out of `count` workers that have called [`run_thread`] or are about to.
///
/// # Errors
/// `internal` if there is a pool already.
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

/// The memory that the threads share.
#[wasm_bindgen(js_name = threadMemory)]
pub fn thread_memory() -> JsValue {
    wasm_bindgen::memory()
}
