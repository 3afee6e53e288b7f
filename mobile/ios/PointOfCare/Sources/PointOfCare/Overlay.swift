import MCDRL

/// Draws a mask as RGBA pixels, premultiplied, row-major. Lesions are filled and outlined; the background is transparent.
public func overlay(mask: [UInt8], width: Int, height: Int) -> [UInt8] {
    precondition(mask.count == width * height, "a \(width)×\(height) mask has \(width * height) values, not \(mask.count)")
    // The outline looks equally thick in large and small pictures.
    let thickness = max(1, min(width, height) / 160)
    // The opacity of a lesion's inside. Its outline is opaque.
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
            let color = ClassColor(ofMaskValue: Int(value))
            let at = 4 * (y * width + x)
            for (channel, brightness) in [color.red, color.green, color.blue].enumerated() {
                pixels[at + channel] = UInt8(Int(brightness) * alpha / 255)
            }
            pixels[at + 3] = UInt8(alpha)
        }
    }
    return pixels
}
