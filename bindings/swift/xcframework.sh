#!/usr/bin/env bash
# Packs the library for iPhones and their simulators into MCDRLLibrary.xcframework, and writes the code around it. Needs a Mac
# with Xcode and rustup.
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-../../target}
for platform in aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios; do
  rustup target add "$platform"
  cargo rustc --locked -p mcdrl-ffi --lib --release --crate-type staticlib --target "$platform" --features gpu
done
mkdir -p "$target/bindings/simulator"
lipo -create "$target"/{aarch64-apple-ios-sim,x86_64-apple-ios}/release/libmcdrl_ffi.a \
  -output "$target/bindings/simulator/libmcdrl_ffi.a"
rm -rf MCDRLLibrary.xcframework
xcodebuild -create-xcframework -output MCDRLLibrary.xcframework \
  -library "$target/aarch64-apple-ios/release/libmcdrl_ffi.a" \
  -library "$target/bindings/simulator/libmcdrl_ffi.a"
cargo run --quiet -p uniffi-bindgen -- generate --no-format --language swift --out-dir Sources/MCDRLFFI \
  "$target/aarch64-apple-ios/release/libmcdrl_ffi.a"
