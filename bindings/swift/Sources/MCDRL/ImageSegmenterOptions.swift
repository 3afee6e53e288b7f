import Foundation
import MCDRLFFI

/// Where to compute. `auto`: a real GPU that computes rightly and faster than the CPU, else the CPU.
public typealias Device = MCDRLFFI.Device

/// A step of making a segmenter.
public typealias CreationStage = MCDRLFFI.CreationStage

/// A confounder that a model knows.
public typealias Confounder = MCDRLFFI.Confounder

/// What an ``ImageSegmenter`` is made of.
public struct ImageSegmenterOptions: Sendable {
    /// Where to compute.
    public var device: Device
    /// Threads on the CPU; by default as many as it has cores.
    public var threads: Int?
    /// Hears what making the segmenter is at, on a thread of the library's.
    public var onProgress: (@Sendable (CreationStage) -> Void)?

    private let model: ModelSource

    /// Of a model file.
    public init(
        model: URL,
        device: Device = .auto,
        threads: Int? = nil,
        onProgress: (@Sendable (CreationStage) -> Void)? = nil
    ) {
        self.init(.path(path: model.path), device, threads, onProgress)
    }

    /// Of a model file's bytes.
    public init(
        model: Data,
        device: Device = .auto,
        threads: Int? = nil,
        onProgress: (@Sendable (CreationStage) -> Void)? = nil
    ) {
        self.init(.bytes(bytes: model), device, threads, onProgress)
    }

    private init(
        _ model: ModelSource, _ device: Device, _ threads: Int?, _ onProgress: (@Sendable (CreationStage) -> Void)?
    ) {
        self.model = model
        self.device = device
        self.threads = threads
        self.onProgress = onProgress
    }

    func parts() throws -> (model: ModelSource, options: SegmenterOptions, listener: CreationListener?) {
        if case .bytes(let bytes) = model, bytes.count > mostBytes {
            throw SegmenterError(.model, "a model of 2 GiB or more does not fit through memory: give its URL")
        }
        let threads = try threads.map { try unsigned($0, "the number of threads") }
        let options = SegmenterOptions(device: device, threads: threads)
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
