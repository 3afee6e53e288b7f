import Foundation
import MCDRLFFI

/// The device that computes. `auto`: the faster of the CPU and the hardware GPU, if both give the right answer.
public typealias Device = MCDRLFFI.Device

/// A stage of creating a segmenter.
public typealias CreationStage = MCDRLFFI.CreationStage

/// A confounder of a model.
public typealias Confounder = MCDRLFFI.Confounder

/// The options of an ``ImageSegmenter``.
public struct ImageSegmenterOptions: Sendable {
    /// The device that computes.
    public var device: Device
    /// Threads on the CPU. Default: one for each core.
    public var threads: Int?
    /// Segments the whole frame, also wide borders and panels around the picture.
    public var wholeFrame: Bool
    /// Also looks at overlapping tiles of this side in pixels, for small lesions in large images. This takes longer. An image has at
    /// most 64 tiles: if the side needs more, they are larger.
    public var tileSide: Int?
    /// Called with the stages of the creation, on a thread of the library.
    public var onProgress: (@Sendable (CreationStage) -> Void)?

    private let model: ModelSource

    /// Options with a model file.
    public init(
        model: URL,
        device: Device = .auto,
        threads: Int? = nil,
        wholeFrame: Bool = false,
        tileSide: Int? = nil,
        onProgress: (@Sendable (CreationStage) -> Void)? = nil
    ) {
        self.init(.path(path: model.path), device, threads, wholeFrame, tileSide, onProgress)
    }

    /// Options with the bytes of a model file.
    public init(
        model: Data,
        device: Device = .auto,
        threads: Int? = nil,
        wholeFrame: Bool = false,
        tileSide: Int? = nil,
        onProgress: (@Sendable (CreationStage) -> Void)? = nil
    ) {
        self.init(.bytes(bytes: model), device, threads, wholeFrame, tileSide, onProgress)
    }

    private init(
        _ model: ModelSource, _ device: Device, _ threads: Int?, _ wholeFrame: Bool, _ tileSide: Int?,
        _ onProgress: (@Sendable (CreationStage) -> Void)?
    ) {
        self.model = model
        self.device = device
        self.threads = threads
        self.wholeFrame = wholeFrame
        self.tileSide = tileSide
        self.onProgress = onProgress
    }

    func parts() throws -> (model: ModelSource, options: SegmenterOptions, listener: CreationListener?) {
        if case .bytes(let bytes) = model, bytes.count > mostBytes {
            throw SegmenterError(.model, "a model of 2 GiB or more cannot be passed as bytes: give its URL")
        }
        let threads = try threads.map { try unsigned($0, "the number of threads") }
        let tileSide = try tileSide.map { try unsigned($0, "the side of a tile") }
        let options = SegmenterOptions(device: device, threads: threads, wholeFrame: wholeFrame, tileSide: tileSide)
        return (model, options, onProgress.map(Listener.init))
    }
}

private final class Listener: CreationListener {
    private let onProgress: @Sendable (CreationStage) -> Void

    init(_ onProgress: @escaping @Sendable (CreationStage) -> Void) {
        self.onProgress = onProgress
    }

    func onStage(stage: CreationStage) {
        onProgress(stage)
    }
}
