//! UniFFI's own generator in the version of the library. It writes the Kotlin, Swift and Python code around a compiled
//! library.

fn main() {
    uniffi::uniffi_bindgen_main();
}
