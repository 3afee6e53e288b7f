// UniformTypeIdentifiers, as far as the app uses it.
@_exported import Foundation

public struct UTType: Sendable {
    public static let png = UTType()
}
