import Foundation
import MCDRL
import XCTest

/// Every memory layout of a picture gives the same result.
final class FrameTests: XCTestCase {
    private let width = 48
    private let height = 36

    /// A frame's memory layout.
    private struct Layout {
        var rotation = 0
        var mirrored = false
        var padding = 0

        /// The place in memory of the pixel at `x`, `y` of an upright picture of this size.
        func place(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> (column: Int, row: Int) {
            let across = mirrored ? width - 1 - x : x
            switch rotation {
            case 0: return (across, y)
            case 90: return (y, width - 1 - across)
            case 180: return (width - 1 - across, height - 1 - y)
            default: return (height - 1 - y, across)
            }
        }

        /// Writes a plane in this layout. `write` returns the `step` bytes of a pixel.
        func lay(_ width: Int, _ height: Int, step: Int, _ write: (Int, Int) -> [UInt8]) -> (bytes: Data, rowStride: Int) {
            let lying = rotation % 180 != 0
            let stride = (lying ? height : width) * step + padding
            var bytes = Data(count: stride * (lying ? width : height))
            for y in 0..<height {
                for x in 0..<width {
                    let (column, row) = place(x, y, width, height)
                    for (channel, value) in write(x, y).enumerated() { bytes[row * stride + column * step + channel] = value }
                }
            }
            return (bytes, stride)
        }
    }

    private let layouts = [0, 90, 180, 270].flatMap { rotation in
        [false, true].map { Layout(rotation: rotation, mirrored: $0, padding: 13) }
    }

    private func frame(_ format: Frame.Format, _ layout: Layout, _ planes: [Frame.Plane]) -> Frame {
        let lying = layout.rotation % 180 != 0
        return Frame(
            width: lying ? height : width, height: lying ? width : height, format: format, planes: planes,
            rotation: layout.rotation, mirrored: layout.mirrored)
    }

    private func interleaved(_ format: Frame.Format, _ layout: Layout) -> Frame {
        let order = if case .bgra = format { [2, 1, 0] } else { [0, 1, 2] }
        let step = if case .rgb = format { 3 } else { 4 }
        let (bytes, rowStride) = layout.lay(width, height, step: step) { x, y in
            let colors = [x * 5 + y * 3, x * 2 + y * 7, x * 11 + y]
            return order.map { UInt8(truncatingIfNeeded: colors[$0]) }
        }
        return frame(format, layout, [.init(bytes: bytes, rowStride: rowStride, pixelStride: step)])
    }

    private enum Colors { case apart, cbFirst, crFirst }

    private func yuv(_ layout: Layout, _ colors: Colors) -> Frame {
        let (y, stride) = layout.lay(width, height, step: 1) { x, y in [UInt8(truncatingIfNeeded: x * 5 + y * 3)] }
        let cb = { (x: Int, y: Int) in UInt8(truncatingIfNeeded: x * 9 + y * 4) }
        let cr = { (x: Int, y: Int) in UInt8(truncatingIfNeeded: x * 3 + y * 13) }
        let brightness = Frame.Plane(bytes: y, rowStride: stride, pixelStride: 1)
        if case .apart = colors {
            let planes = [cb, cr].map { value in
                let (bytes, stride) = layout.lay(width / 2, height / 2, step: 1) { x, y in [value(x, y)] }
                return Frame.Plane(bytes: bytes, rowStride: stride, pixelStride: 1)
            }
            return frame(.yuv420, layout, [brightness] + planes)
        }
        let crFirst = if case .crFirst = colors { true } else { false }
        let (both, colorStride) = layout.lay(width / 2, height / 2, step: 2) { x, y in
            crFirst ? [cr(x, y), cb(x, y)] : [cb(x, y), cr(x, y)]
        }
        let planes = [both, both.dropFirst()].map { Frame.Plane(bytes: $0, rowStride: colorStride, pixelStride: 2) }
        return frame(.yuv420, layout, [brightness] + (crFirst ? planes.reversed() : planes))
    }

    func testPixelsOfEveryOrderStrideAndOrientationGiveTheSameResult() async throws {
        let segmenter = try await Lab.open()
        func seen(_ frame: Frame) async throws -> [Float] { try await segmenter.segment(frame).confidenceMasks()[0] }
        let expected = try await seen(interleaved(.rgb, Layout()))
        XCTAssertEqual(expected.count, width * height)
        for format in [Frame.Format.rgb, .rgba, .bgra] {
            for layout in layouts {
                let found = try await seen(interleaved(format, layout))
                XCTAssertEqual(found, expected, "\(format) \(layout)")
            }
        }
        // A wrong layout must give another result.
        var wrong = interleaved(.rgb, layouts[1])
        wrong.mirrored = false
        let found = try await seen(wrong)
        XCTAssertNotEqual(found, expected)
        try segmenter.close()
    }

    func testColorsOfEveryOrderStrideAndOrientationGiveTheSameResult() async throws {
        let segmenter = try await Lab.open()
        func seen(_ frame: Frame) async throws -> [Float] { try await segmenter.segment(frame).confidenceMasks()[0] }
        let expected = try await seen(yuv(Layout(), .apart))
        for colors in [Colors.apart, .cbFirst, .crFirst] {
            for layout in layouts {
                let found = try await seen(yuv(layout, colors))
                XCTAssertEqual(found, expected, "\(colors) \(layout)")
            }
        }
        var wrong = yuv(Layout(), .apart)
        wrong.planes.swapAt(1, 2)
        let found = try await seen(wrong)
        XCTAssertNotEqual(found, expected)
        try segmenter.close()
    }
}
