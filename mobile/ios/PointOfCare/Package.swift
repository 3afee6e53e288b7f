// swift-tools-version: 5.9
import PackageDescription

// The app's decisions, without its screens. The tests run on Linux.
let package = Package(
    name: "PointOfCare",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "PointOfCare", targets: ["PointOfCare"])],
    dependencies: [.package(name: "MCDRL", path: "../../../bindings/swift")],
    targets: [
        .target(name: "PointOfCare", dependencies: [.product(name: "MCDRL", package: "MCDRL")]),
        .testTarget(name: "PointOfCareTests", dependencies: ["PointOfCare"]),
    ]
)
