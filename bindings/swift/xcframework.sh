#!/usr/bin/env bash
# Packs the library for iPhones and their simulators into MCDRLLibrary.xcframework, which Package.swift looks for. It needs a
# Mac with Xcode and rustup.
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-../../target}
for platform in aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios; do
  rustup target add "$platform"
  cargo rustc --locked -p mcdrl-ffi --lib --profile dist --crate-type staticlib --target "$platform" \
    --no-default-features --features gpu
done
mkdir -p "$target/bindings/simulator"
lipo -create "$target"/{aarch64-apple-ios-sim,x86_64-apple-ios}/dist/libmcdrl_ffi.a \
  -output "$target/bindings/simulator/libmcdrl_ffi.a"
rm -rf MCDRLLibrary.xcframework
xcodebuild -create-xcframework -output MCDRLLibrary.xcframework \
  -library "$target/aarch64-apple-ios/dist/libmcdrl_ffi.a" \
  -library "$target/bindings/simulator/libmcdrl_ffi.a"
