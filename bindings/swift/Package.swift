// swift-tools-version: 5.9
import Foundation
import PackageDescription

// The compiled library. Apple systems use the XCFramework that `xcframework.sh` makes. The tests on Linux use the shared
// library in the folder that MCDRL_LIBRARY_DIR names. `cargo xtask bindings generate` writes the code around it.
#if os(Linux)
let folder = ProcessInfo.processInfo.environment["MCDRL_LIBRARY_DIR"] ?? "../../target/debug"
let library: [Target] = []
let libraryDependency: [Target.Dependency] = []
let linking: [LinkerSetting] = [
    .unsafeFlags(["-L\(folder)", "-Xlinker", "-rpath", "-Xlinker", folder]),
    .linkedLibrary("mcdrl_ffi"),
]
#else
let library: [Target] = [.binaryTarget(name: "MCDRLLibrary", path: "MCDRLLibrary.xcframework")]
let libraryDependency: [Target.Dependency] = ["MCDRLLibrary"]
// bindings/ffi/ios lists the symbols that the library needs from iOS.
let linking: [LinkerSetting] = [
    .linkedFramework("CoreGraphics"), .linkedFramework("Foundation"), .linkedFramework("Metal"), .linkedFramework("QuartzCore"),
]
#endif

let package = Package(
    name: "MCDRL",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "MCDRL", targets: ["MCDRL"])],
    targets: library + [
        .systemLibrary(name: "mcdrl_ffiFFI"),
        .target(
            name: "MCDRLFFI", dependencies: ["mcdrl_ffiFFI"] + libraryDependency, exclude: ["mcdrl_ffiFFI.h"],
            linkerSettings: linking),
        .target(name: "MCDRL", dependencies: ["MCDRLFFI"]),
        .testTarget(name: "MCDRLTests", dependencies: ["MCDRL"]),
    ]
)
