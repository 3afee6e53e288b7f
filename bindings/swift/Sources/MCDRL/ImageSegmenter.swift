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
/// Any task may call it, several at once too: images are done in the order in which they came. Everything that fails
/// throws a ``SegmenterError``; a cancelled task gives up its image at once.
public final class ImageSegmenter: Sendable {
    /// The names of the mask's values: `background` first.
    public let labels: [String]

    /// The confounders that the model knows, in the order of ``Segmentation/confounders``.
    public let confounders: [Confounder]

    /// Where it computes: `cpu` or `gpu`.
    public let device: String

    private let native: MCDRLFFI.ImageSegmenter

    /// Reads the model, opens the device and holds it to the model's own answer. Blocks the thread; see
    /// ``create(options:)``.
    public convenience init(options: ImageSegmenterOptions) throws {
        let parts = try options.parts()
        self.init(try translated {
            try MCDRLFFI.ImageSegmenter.open(
                model: parts.model, options: parts.options, listener: parts.listener, cancellation: Cancellation())
        })
    }

    /// As ``init(options:)``, without blocking the thread.
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

    /// Segments an image file: JPEG, PNG, TIFF, BMP or WebP; its EXIF orientation is applied.
    public func segment(_ file: Data) async throws -> Segmentation {
        try await segment(translated { try MCDRLFFI.Image.decode(file: crossing(file, "the file")) })
    }

    /// Segments pixels.
    public func segment(_ frame: Frame) async throws -> Segmentation {
        try await segment(frame.read())
    }

    /// Segments a frame of a video. While one is being segmented, only the newest of those that follow waits; a frame
    /// that gives way to a newer one is answered with `nil`. So memory does not grow and masks are never late.
    ///
    /// - Parameter timestampMs: milliseconds, larger than the last frame's, be it another video's
    public func segmentForVideo(_ frame: Frame, timestampMs: Int64) async throws -> Segmentation? {
        let image = try frame.read()
        let result = try await cancellable { [native] cancellation in
            try await native.segmentForVideoAsync(frame: image, timestamp: timestampMs, cancellation: cancellation)
        }
        return result.map { Segmentation($0, of: self) }
    }

    /// Ends the segmenter after the image in hand and frees its memory; whoever still waits gets `closed`.
    ///
    /// - Throws: ``SegmenterError`` `closed` if it was closed before
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
