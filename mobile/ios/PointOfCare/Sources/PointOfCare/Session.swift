import Foundation
import MCDRL

/// The state of the app. `Picture` is the type that the screens show.
public enum State<Picture: Sendable>: Sendable {
    /// The model is being loaded.
    case loading
    /// The model cannot be loaded.
    case noModel(reason: String)
    /// A picture can be chosen.
    case ready
    /// A picture is being read and segmented.
    case working(Picture?)
    /// A picture is segmented.
    case shown(Picture, Segmentation)
    /// A picture cannot be read (no reason) or cannot be segmented.
    case noPicture(reason: String?)
}

/// Holds one model and one picture while screens come and go. `onChange` is called with every new state.
@MainActor
public final class Session<Picture: Sendable> {
    /// The current state.
    public private(set) var state: State<Picture> = .loading {
        didSet { onChange?(state) }
    }

    /// Called with every new state.
    public var onChange: ((State<Picture>) -> Void)?

    /// The segmenter, once ``start()`` has opened it.
    public private(set) var segmenter: ImageSegmenter?

    private let options: @Sendable () throws -> ImageSegmenterOptions
    private var work: Task<Void, Never>?
    /// A picture that was opened before the model was ready.
    private var early: (@Sendable () async -> (picture: Picture, frame: Frame)?)?

    /// - Parameter options: names the model; called outside the main thread
    public init(options: @escaping @Sendable () throws -> ImageSegmenterOptions) {
        self.options = options
    }

    /// Loads the model, unless it is loaded or being loaded.
    public func start() {
        if case .loading = state, work != nil { return }
        guard segmenter == nil else { return }
        state = .loading
        work = Task { [options] in
            do {
                segmenter = try await Task.detached { try await ImageSegmenter.create(options: options()) }.value
                state = .ready
                if let early {
                    self.early = nil
                    open(early)
                }
            } catch {
                state = .noModel(reason: error.localizedDescription)
            }
        }
    }

    /// Segments a picture. The work on an earlier picture is cancelled.
    ///
    /// - Parameter read: reads the picture, outside the main thread; `nil` if the file is not a picture
    public func open(_ read: @escaping @Sendable () async -> (picture: Picture, frame: Frame)?) {
        guard let segmenter else {
            early = read
            return start()
        }
        work?.cancel()
        state = .working(nil)
        work = Task {
            let chosen = await Task.detached(operation: read).value
            guard !Task.isCancelled else { return }
            guard let chosen else {
                state = .noPicture(reason: nil)
                return
            }
            state = .working(chosen.picture)
            do {
                let result = try await segmenter.segment(chosen.frame)
                if !Task.isCancelled { state = .shown(chosen.picture, result) }
            } catch {
                if !Task.isCancelled { state = .noPicture(reason: error.localizedDescription) }
            }
        }
    }
}
