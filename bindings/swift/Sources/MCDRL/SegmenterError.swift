import Foundation
import MCDRLFFI

/// Everything that goes wrong: ``code`` is for programs, ``message`` for people.
public struct SegmenterError: LocalizedError, Equatable, Sendable {
    /// What went wrong.
    public enum Code: String, Sendable {
        /// The bytes are no image that can be read.
        case image
        /// The image has too many pixels.
        case imageTooLarge = "image-too-large"
        /// The argument is nothing that can be segmented: planes too short, a late timestamp, no threads.
        case input
        /// The file is no model, or damaged, or cannot be read.
        case model
        /// The model file is of a format that this version does not know.
        case modelVersion = "model-version"
        /// The device is not there, or failed.
        case device
        /// The device computes wrongly.
        case wrongAnswer = "wrong-answer"
        /// The task was cancelled.
        case cancelled
        /// The segmenter was closed.
        case closed
        /// A bug of ours.
        case `internal`
    }

    /// What went wrong.
    public let code: Code
    /// For people: what, where, and what to do.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var errorDescription: String? { message }

    init(_ native: MCDRLFFI.SegmenterError) {
        switch native {
        case .Image(let message): self.init(.image, message)
        case .ImageTooLarge(let message): self.init(.imageTooLarge, message)
        case .Input(let message): self.init(.input, message)
        case .Model(let message): self.init(.model, message)
        case .ModelVersion(let message): self.init(.modelVersion, message)
        case .Device(let message): self.init(.device, message)
        case .WrongAnswer(let message): self.init(.wrongAnswer, message)
        case .Cancelled(let message): self.init(.cancelled, message)
        case .Closed(let message): self.init(.closed, message)
        case .Internal(let message): self.init(.internal, message)
        }
    }
}

/// Errors of the library become those of the package.
func translated<Result>(_ work: () throws -> Result) throws -> Result {
    do {
        return try work()
    } catch let error as MCDRLFFI.SegmenterError {
        throw SegmenterError(error)
    }
}

/// As `translated(_:)`, and the task's cancellation cancels the work.
func cancellable<Result: Sendable>(
    _ work: @Sendable (Cancellation) async throws -> Result
) async throws -> Result {
    let cancellation = Cancellation()
    do {
        return try await withTaskCancellationHandler {
            try await work(cancellation)
        } onCancel: {
            cancellation.cancel()
        }
    } catch let error as MCDRLFFI.SegmenterError {
        throw SegmenterError(error)
    }
}
