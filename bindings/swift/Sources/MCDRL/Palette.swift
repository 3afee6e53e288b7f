import MCDRLFFI

/// The colour of a class in overlays, the same in every package.
public struct ClassColor: Equatable, Sendable {
    /// Red, 0..255.
    public let red: UInt8
    /// Green, 0..255.
    public let green: UInt8
    /// Blue, 0..255.
    public let blue: UInt8

    /// The colour of a mask value. The palette repeats after its last colour; the background (0) is black.
    public init(ofMaskValue value: Int) {
        let packed = value > 0 ? Self.packed[(value - 1) % Self.packed.count] : 0
        red = UInt8(packed >> 16 & 0xff)
        green = UInt8(packed >> 8 & 0xff)
        blue = UInt8(packed & 0xff)
    }

    /// 0xRRGGBB each.
    private static let packed = palette()
}
