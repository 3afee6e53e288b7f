import MCDRLFFI

/// Red, green and blue, 0..255.
public struct Color: Equatable, Sendable {
    public let red: UInt8
    public let green: UInt8
    public let blue: UInt8

    /// The colour of mask value `value`, the same in every package. The palette of the classes repeats after its last colour;
    /// the background (0) is black.
    public static func ofClass(_ value: Int) -> Color {
        guard value > 0 else { return Color(packed: 0) }
        return classes[(value - 1) % classes.count]
    }

    private static let classes = palette().map(Color.init(packed:))

    /// - Parameter packed: 0xRRGGBB
    private init(packed: UInt32) {
        red = UInt8(packed >> 16 & 0xff)
        green = UInt8(packed >> 8 & 0xff)
        blue = UInt8(packed & 0xff)
    }
}
