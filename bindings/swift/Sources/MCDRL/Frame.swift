import Foundation
import MCDRLFFI

/// A frame of a camera or of any program's own memory.
public struct Frame: Sendable {
    /// How the pixels lie in memory, 8 bits a channel.
    public enum Format: Sendable {
        /// Red, green, blue; one plane.
        case rgb
        /// Red, green, blue, alpha, which is dropped; one plane.
        case rgba
        /// Blue, green, red, alpha, which is dropped; one plane.
        case bgra
        /// YUV 4:2:0, BT.601, 0..255; planes Y, Cb, Cr.
        case yuv420
        /// YUV 4:2:0, BT.601, brightness 16..235; planes Y, Cb, Cr.
        case yuv420Video
        /// YUV 4:2:0, BT.709, 0..255, as `420f` video; planes Y, Cb, Cr.
        case yuv420BT709
        /// YUV 4:2:0, BT.709, brightness 16..235, as `420v` video; planes Y, Cb, Cr.
        case yuv420BT709Video
    }

    /// One plane.
    public struct Plane: Sendable {
        /// The plane's bytes. The last row may end with its last pixel instead of its stride.
        public var bytes: Data
        /// Bytes from one row to the next.
        public var rowStride: Int
        /// Bytes from one pixel to the next: 2 for the interleaved colours of NV12.
        public var pixelStride: Int

        public init(bytes: Data, rowStride: Int, pixelStride: Int) {
            self.bytes = bytes
            self.rowStride = rowStride
            self.pixelStride = pixelStride
        }
    }

    /// Width in pixels, as it lies in memory.
    public var width: Int
    /// Height in pixels, as it lies in memory.
    public var height: Int
    /// How the pixels lie.
    public var format: Format
    /// As many planes as the format has.
    public var planes: [Plane]
    /// By how many degrees it must be turned clockwise to be upright: 0, 90, 180 or 270.
    public var rotation: Int
    /// Whether it must be mirrored left to right once upright (front cameras).
    public var mirrored: Bool

    public init(
        width: Int, height: Int, format: Format, planes: [Plane], rotation: Int = 0, mirrored: Bool = false
    ) {
        self.width = width
        self.height = height
        self.format = format
        self.planes = planes
        self.rotation = rotation
        self.mirrored = mirrored
    }

    func native() throws -> MCDRLFFI.Frame {
        MCDRLFFI.Frame(
            width: try unsigned(width, "the width"),
            height: try unsigned(height, "the height"),
            format: format.native,
            planes: try planes.map {
                MCDRLFFI.Plane(
                    bytes: $0.bytes,
                    rowStride: try unsigned($0.rowStride, "a row stride"),
                    pixelStride: try unsigned($0.pixelStride, "a pixel stride"))
            },
            rotation: try unsigned(rotation, "the rotation"),
            mirrored: mirrored)
    }
}

extension Frame.Format {
    fileprivate var native: MCDRLFFI.PixelFormat {
        switch self {
        case .rgb: .rgb
        case .rgba: .rgba
        case .bgra: .bgra
        case .yuv420: .yuv420Bt601Full
        case .yuv420Video: .yuv420Bt601Video
        case .yuv420BT709: .yuv420Bt709Full
        case .yuv420BT709Video: .yuv420Bt709Video
        }
    }
}
