#!/usr/bin/env bash
# Checks the types of what is written for Apple's systems alone, where there are none: `typecheck.sh OUT`. AppleDeclarations
# stand in for Apple's frameworks as far as they are used; that these declarations are Apple's is not checked.
set -euo pipefail
cd "$(dirname "$0")"
out=$1
package=../../bindings/swift/Sources
rm -rf "$out" && mkdir -p "$out"

module() {
  swiftc -emit-module -parse-as-library -swift-version 5 -module-name "$1" -o "$out/$1.swiftmodule" \
    -I "$out" -I "$package/mcdrl_ffiFFI/include" "${@:2}"
}

for name in CoreGraphics CoreVideo UIKit AVFoundation UniformTypeIdentifiers CoreTransferable SwiftUI PhotosUI; do
  module $name AppleDeclarations/$name.swift
done
module MCDRLFFI "$package"/MCDRLFFI/*.swift
# With the helpers for Apple's types: their modules can be imported here.
module MCDRL "$package"/MCDRL/*.swift
module PointOfCare PointOfCare/Sources/PointOfCare/*.swift
# The module's name is the target's in PointOfCare.xcodeproj.
module PointOfCareApp App/*.swift
