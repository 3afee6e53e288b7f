import Foundation
import MCDRL

/// Where the app is; `Picture` is what the screens show.
public enum State<Picture: Sendable>: Sendable {
    /// The model is loaded.
    case loading
    /// The model cannot be loaded.
    case noModel(reason: String)
    /// A picture can be chosen.
    case ready
    /// A picture is being read and segmented.
    case working(Picture?)
    /// A picture is segmented.
    case shown(Picture, Segmentation)
    /// A picture cannot be read (no reason) or segmented.
    case noPicture(reason: String?)
}

/// One model and one picture at a time; screens come and go. It knows no screen: `onChange` hears every state.
@MainActor
public final class Session<Picture: Sendable> {
    /// Where the app is.
    public private(set) var state: State<Picture> = .loading {
        didSet { onChange?(state) }
    }

    /// Hears every state.
    public var onChange: ((State<Picture>) -> Void)?

    /// Opened by ``start()``.
    public private(set) var segmenter: ImageSegmenter?

    private let options: @Sendable () throws -> ImageSegmenterOptions
    private var work: Task<Void, Never>?
    /// A picture that came before the model.
    private var early: (@Sendable () async -> (picture: Picture, frame: Frame)?)?

    /// - Parameter options: brings the model, away from the main thread
    public init(options: @escaping @Sendable () throws -> ImageSegmenterOptions) {
        self.options = options
    }

    /// Loads the model, unless that is done or under way.
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

    /// Segments what `read` brings, which is called away from the main thread; `nil` if it is no picture. A picture under way
    /// is given up.
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
