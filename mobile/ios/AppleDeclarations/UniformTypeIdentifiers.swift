// The parts of UniformTypeIdentifiers that the app uses.
@_exported import Foundation

public struct UTType: Sendable {
    public static let png = UTType()
}
