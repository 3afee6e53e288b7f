import Foundation
import MCDRLFFI

/// Segments images on a thread of its own. Names and behaviour follow MediaPipe's `ImageSegmenter`.
///
/// ```swift
/// let segmenter = try await ImageSegmenter.create(options: .init(model: url))
/// let result = try await segmenter.segment(file)
/// try segmenter.close()
/// ```
///
/// Any task may call it, also several at once. Images are segmented in the order of the calls. Every error is a
/// ``SegmenterError``. A cancelled task drops its image at once.
public final class ImageSegmenter: Sendable {
    /// The names of the mask values: `background` first.
    public let labels: [String]

    /// The confounders of the model, in the order of ``Segmentation/confounders``.
    public let confounders: [Confounder]

    /// The device that computes: `cpu` or `gpu`.
    public let device: String

    private let native: MCDRLFFI.ImageSegmenter

    /// Reads the model and opens the device. The device has to reproduce the model's reference answer. Blocks the thread; see
    /// ``create(options:)``.
    public convenience init(options: ImageSegmenterOptions) throws {
        let parts = try options.parts()
        self.init(try translated {
            try MCDRLFFI.ImageSegmenter.open(
                model: parts.model, options: parts.options, listener: parts.listener, cancellation: Cancellation())
        })
    }

    /// Like ``init(options:)``, without blocking the thread.
    public static func create(options: ImageSegmenterOptions) async throws -> ImageSegmenter {
        let parts = try options.parts()
        return try await cancellable { cancellation in
            ImageSegmenter(try await MCDRLFFI.ImageSegmenter.openAsync(
                model: parts.model, options: parts.options, listener: parts.listener, cancellation: cancellation))
        }
    }

    private init(_ native: MCDRLFFI.ImageSegmenter) {
        self.native = native
        labels = native.labels()
        confounders = native.confounders()
        device = native.device()
    }

    /// Segments an image file: JPEG, PNG, TIFF, BMP, WebP or DICOM. The EXIF orientation is applied.
    public func segment(_ file: Data) async throws -> Segmentation {
        try await segment(translated { try MCDRLFFI.Image.decode(file: crossing(file, "the file")) })
    }

    /// Segments pixels.
    public func segment(_ frame: Frame) async throws -> Segmentation {
        try await segment(frame.read())
    }

    /// Segments a frame of a video. While one frame is segmented, only the newest frame waits. A frame that gives way to a
    /// newer one is answered with `nil`. So memory does not grow and masks are never late.
    ///
    /// - Parameter timestampMs: milliseconds, larger than that of the last frame, also across videos
    public func segmentForVideo(_ frame: Frame, timestampMs: Int64) async throws -> Segmentation? {
        let image = try frame.read()
        let result = try await cancellable { [native] cancellation in
            try await native.segmentForVideoAsync(frame: image, timestamp: timestampMs, cancellation: cancellation)
        }
        return result.map { Segmentation($0, of: self) }
    }

    /// Ends the segmenter after the current image and frees its memory. Waiting callers get `closed`.
    ///
    /// - Throws: ``SegmenterError`` `closed` if it is closed already
    public func close() throws {
        try translated { try native.shutDown() }
    }

    private func segment(_ image: MCDRLFFI.Image) async throws -> Segmentation {
        let result = try await cancellable { [native] cancellation in
            try await native.segmentAsync(image: image, cancellation: cancellation)
        }
        return Segmentation(result, of: self)
    }
}
