import Foundation
import MCDRLFFI

/// A frame in a camera's or a program's memory.
public struct Frame: Sendable {
    /// The memory layout of the pixels, 8 bits a channel.
    public enum Format: Sendable {
        /// Red, green, blue; one plane.
        case rgb
        /// Red, green, blue, alpha; one plane. Alpha is dropped.
        case rgba
        /// Blue, green, red, alpha; one plane. Alpha is dropped.
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

    /// Width in memory, in pixels.
    public var width: Int
    /// Height in memory, in pixels.
    public var height: Int
    /// The memory layout of the pixels.
    public var format: Format
    /// The planes, in the order of the format.
    public var planes: [Plane]
    /// The clockwise rotation in degrees that makes the frame upright: 0, 90, 180 or 270.
    public var rotation: Int
    /// Whether the upright frame must be mirrored left to right (front cameras).
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

    /// Copies the frame into the library, upright.
    func read() throws -> MCDRLFFI.Image {
        let wanted = format.colors == nil ? 1 : 3
        guard planes.count == wanted else {
            throw SegmenterError(.input, "the frame has \(planes.count) planes where its format has \(wanted)")
        }
        for plane in planes { try crossing(plane.bytes, "a plane") }
        return try translated {
            if let colors = format.colors { return try readYuv(colors) }
            return try readInterleaved()
        }
    }

    private func readInterleaved() throws -> MCDRLFFI.Image {
        let read =
            switch format {
            case .rgb: MCDRLFFI.Image.rgb
            case .rgba: MCDRLFFI.Image.rgba
            default: MCDRLFFI.Image.bgra
            }
        return try read(
            planes[0].bytes,
            unsigned(width, "the width"),
            unsigned(height, "the height"),
            unsigned(planes[0].rowStride, "the row stride"),
            unsigned(planes[0].pixelStride, "the pixel stride"),
            unsigned(rotation, "the rotation"),
            mirrored)
    }

    private func readYuv(_ colors: YuvColors) throws -> MCDRLFFI.Image {
        let (y, cb, cr) = (planes[0], planes[1], planes[2])
        guard y.pixelStride == 1, cb.rowStride == cr.rowStride, cb.pixelStride == cr.pixelStride else {
            throw SegmenterError(.input, "the strides are wrong: Y needs the pixel stride 1, and Cb and Cr need equal strides")
        }
        let layout = YuvLayout(
            width: try unsigned(width, "the width"),
            height: try unsigned(height, "the height"),
            yRowStride: try unsigned(y.rowStride, "the row stride of Y"),
            colorRowStride: try unsigned(cb.rowStride, "the row stride of the colours"),
            colorPixelStride: try unsigned(cb.pixelStride, "the pixel stride of the colours"),
            colors: colors,
            rotation: try unsigned(rotation, "the rotation"),
            mirrored: mirrored)
        return try MCDRLFFI.Image.yuv420(y: y.bytes, cb: cb.bytes, cr: cr.bytes, layout: layout)
    }
}

extension Frame.Format {
    fileprivate var colors: YuvColors? {
        switch self {
        case .rgb, .rgba, .bgra: nil
        case .yuv420: .bt601Full
        case .yuv420Video: .bt601Video
        case .yuv420BT709: .bt709Full
        case .yuv420BT709Video: .bt709Video
        }
    }
}
