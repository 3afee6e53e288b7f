//! UniFFI's own program, of the version that the library is built with: Kotlin, Swift and Python around a compiled
//! library.

fn main() {
    uniffi::uniffi_bindgen_main();
}
