#if canImport(CoreGraphics)
import CoreGraphics
import Foundation

extension Frame {
    /// Copies the pixels of an image.
    ///
    /// - Parameter rotation: the clockwise rotation in degrees that makes the frame upright: 0, 90, 180 or 270
    public init?(_ image: CGImage, rotation: Int = 0, mirrored: Bool = false) {
        let (width, height) = (image.width, image.height)
        var bytes = Data(count: width * height * 4)
        let drawn = bytes.withUnsafeMutableBytes { buffer -> Bool in
            guard
                let context = CGContext(
                    data: buffer.baseAddress, width: width, height: height, bitsPerComponent: 8, bytesPerRow: width * 4,
                    space: CGColorSpaceCreateDeviceRGB(), bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
            else { return false }
            context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
            return true
        }
        guard drawn else { return nil }
        let plane = Plane(bytes: bytes, rowStride: width * 4, pixelStride: 4)
        self.init(
            width: width, height: height, format: .rgba, planes: [plane], rotation: rotation, mirrored: mirrored)
    }
}

extension Segmentation {
    /// The mask as an 8-bit grey image of class indices.
    public func maskImage() -> CGImage? {
        guard let provider = CGDataProvider(data: Data(categoryMask) as CFData) else { return nil }
        return CGImage(
            width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 8, bytesPerRow: width,
            space: CGColorSpaceCreateDeviceGray(), bitmapInfo: [], provider: provider, decode: nil,
            shouldInterpolate: false, intent: .defaultIntent)
    }
}
#endif

#if canImport(CoreVideo)
import CoreVideo
import Foundation

extension Frame {
    /// Copies a camera frame: 32BGRA, `420f` or `420v`; `nil` for other formats.
    ///
    /// - Parameter rotation: the clockwise rotation in degrees that makes the frame upright: 0, 90, 180 or 270
    public init?(_ buffer: CVPixelBuffer, rotation: Int = 0, mirrored: Bool = false) {
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        let format: Format
        let planes: [Plane]
        switch CVPixelBufferGetPixelFormatType(buffer) {
        case kCVPixelFormatType_32BGRA:
            guard let base = CVPixelBufferGetBaseAddress(buffer) else { return nil }
            let stride = CVPixelBufferGetBytesPerRow(buffer)
            format = .bgra
            let bytes = Data(bytes: base, count: stride * CVPixelBufferGetHeight(buffer))
            planes = [Plane(bytes: bytes, rowStride: stride, pixelStride: 4)]
        case kCVPixelFormatType_420YpCbCr8BiPlanarFullRange, kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange:
            let full = CVPixelBufferGetPixelFormatType(buffer) == kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
            // The buffer names its YUV matrix. Without a name it is BT.709.
            let matrix = CVBufferCopyAttachment(buffer, kCVImageBufferYCbCrMatrixKey, nil) as? String
            let old = matrix == kCVImageBufferYCbCrMatrix_ITU_R_601_4 as String
            format = old ? (full ? .yuv420 : .yuv420Video) : (full ? .yuv420BT709 : .yuv420BT709Video)
            guard let y = Self.plane(buffer, 0), let colors = Self.plane(buffer, 1) else { return nil }
            let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, 1)
            planes = [
                Plane(bytes: y, rowStride: CVPixelBufferGetBytesPerRowOfPlane(buffer, 0), pixelStride: 1),
                Plane(bytes: colors, rowStride: stride, pixelStride: 2),
                Plane(bytes: colors.dropFirst(), rowStride: stride, pixelStride: 2),
            ]
        default:
            return nil
        }
        self.init(
            width: CVPixelBufferGetWidth(buffer), height: CVPixelBufferGetHeight(buffer), format: format,
            planes: planes, rotation: rotation, mirrored: mirrored)
    }

    private static func plane(_ buffer: CVPixelBuffer, _ index: Int) -> Data? {
        guard let base = CVPixelBufferGetBaseAddressOfPlane(buffer, index) else { return nil }
        let rows = CVPixelBufferGetHeightOfPlane(buffer, index)
        return Data(bytes: base, count: CVPixelBufferGetBytesPerRowOfPlane(buffer, index) * rows)
    }
}
#endif
