#!/usr/bin/env bash
# Checks the types of the code for Apple's systems on Linux: `typecheck.sh OUT`. AppleDeclarations stand in for Apple's
# frameworks. Nothing checks that these declarations agree with Apple's.
set -euo pipefail
cd "$(dirname "$0")"
out=$1
package=../../bindings/swift/Sources
rm -rf "$out" && mkdir -p "$out"

module() {
  swiftc -emit-module -parse-as-library -swift-version 5 -module-name "$1" -o "$out/$1.swiftmodule" \
    -I "$out" -I "$package/mcdrl_ffiFFI" "${@:2}"
}

for name in CoreGraphics CoreVideo UIKit AVFoundation UniformTypeIdentifiers CoreTransferable SwiftUI PhotosUI; do
  module $name AppleDeclarations/$name.swift
done
module MCDRLFFI "$package"/MCDRLFFI/*.swift
# Includes the helpers for Apple's types, because their modules can be imported here.
module MCDRL "$package"/MCDRL/*.swift
module PointOfCare PointOfCare/Sources/PointOfCare/*.swift
# PointOfCare.xcodeproj gives its target this name.
module PointOfCareApp App/*.swift
