// swift-tools-version: 5.9
import Foundation
import PackageDescription

// The compiled library. On Apple systems an XCFramework that `xcframework.sh` makes; elsewhere, for the tests, the shared
// library in the folder that MCDRL_LIBRARY_DIR names.
#if os(Linux)
let folder = ProcessInfo.processInfo.environment["MCDRL_LIBRARY_DIR"] ?? "../../target/release"
let library: [Target] = []
let libraryDependency: [Target.Dependency] = []
let linking: [LinkerSetting] = [
    .unsafeFlags(["-L\(folder)", "-Xlinker", "-rpath", "-Xlinker", folder]),
    .linkedLibrary("mcdrl_ffi"),
]
#else
let library: [Target] = [.binaryTarget(name: "MCDRLLibrary", path: "MCDRLLibrary.xcframework")]
let libraryDependency: [Target.Dependency] = ["MCDRLLibrary"]
// What the library asks iOS for stands in bindings/ffi/ios.
let linking: [LinkerSetting] = [
    .linkedFramework("CoreGraphics"), .linkedFramework("Foundation"), .linkedFramework("Metal"), .linkedFramework("QuartzCore"),
]
#endif

let package = Package(
    name: "MCDRL",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "MCDRL", targets: ["MCDRL"])],
    targets: library + [
        .target(name: "mcdrl_ffiFFI", dependencies: libraryDependency, linkerSettings: linking),
        .target(name: "MCDRLFFI", dependencies: ["mcdrl_ffiFFI"]),
        .target(name: "MCDRL", dependencies: ["MCDRLFFI"]),
        .testTarget(name: "MCDRLTests", dependencies: ["MCDRL"]),
    ]
)
