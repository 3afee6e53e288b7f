/// Colours that are told apart with any kind of colour vision, the same as the command's and the browser app's.
public struct Colour: Equatable, Sendable {
    public let red: UInt8
    public let green: UInt8
    public let blue: UInt8

    private static let classes: [Colour] = [
        Colour(red: 0, green: 200, blue: 150),
        Colour(red: 240, green: 228, blue: 66),
        Colour(red: 86, green: 180, blue: 233),
        Colour(red: 230, green: 120, blue: 220),
        Colour(red: 255, green: 150, blue: 40),
        Colour(red: 255, green: 255, blue: 255),
    ]

    /// The colour of mask value `index`, from one.
    public static func ofClass(_ index: Int) -> Colour {
        classes[(index - 1) % classes.count]
    }
}

/// A mask as pixels to lay over its picture: RGBA, premultiplied, row-major; lesions filled and outlined, the rest clear.
public func overlay(mask: [UInt8], width: Int, height: Int) -> [UInt8] {
    precondition(mask.count == width * height, "a \(width)×\(height) mask has \(width * height) values, not \(mask.count)")
    // As thick in a large picture as in a small one.
    let thickness = max(1, min(width, height) / 160)
    // Share of the overlay's opacity that a lesion's inside has beside its outline.
    let inside = 115
    var pixels = [UInt8](repeating: 0, count: 4 * mask.count)
    for y in 0..<height {
        for x in 0..<width {
            let value = mask[y * width + x]
            guard value != 0 else { continue }
            func differs(_ x: Int, _ y: Int) -> Bool {
                x < 0 || y < 0 || x >= width || y >= height || mask[y * width + x] != value
            }
            let edge =
                differs(x - thickness, y) || differs(x + thickness, y) || differs(x, y - thickness)
                || differs(x, y + thickness)
            let alpha = edge ? 255 : inside
            let colour = Colour.ofClass(Int(value))
            let at = 4 * (y * width + x)
            for (channel, brightness) in [colour.red, colour.green, colour.blue].enumerated() {
                pixels[at + channel] = UInt8(Int(brightness) * alpha / 255)
            }
            pixels[at + 3] = UInt8(alpha)
        }
    }
    return pixels
}
