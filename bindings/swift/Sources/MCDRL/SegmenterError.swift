import Foundation
import MCDRLFFI

/// Every error of this package. ``code`` is for programs, ``message`` for people.
public struct SegmenterError: LocalizedError, Equatable, Sendable {
    /// The kind of an error.
    public enum Code: String, Sendable {
        /// The bytes are not a readable image.
        case image
        /// The image has too many pixels.
        case imageTooLarge = "image-too-large"
        /// The argument cannot be used: planes too short, a late timestamp, no threads.
        case input
        /// The file is not a model, or it is damaged or unreadable.
        case model
        /// The model file has an unknown format version.
        case modelVersion = "model-version"
        /// The device is missing or failed.
        case device
        /// The device computes wrongly.
        case wrongAnswer = "wrong-answer"
        /// The device did not answer in time.
        case timeout
        /// The task was cancelled.
        case cancelled
        /// The segmenter was closed.
        case closed
        /// A bug of this library.
        case `internal`
    }

    /// The kind of the error.
    public let code: Code
    /// The problem, the file or value, and the next step.
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
        case .Timeout(let message): self.init(.timeout, message)
        case .Cancelled(let message): self.init(.cancelled, message)
        case .Closed(let message): self.init(.closed, message)
        case .Internal(let message): self.init(.internal, message)
        }
    }
}

/// Translates the library's errors into the package's.
func translated<Result>(_ work: () throws -> Result) throws -> Result {
    do {
        return try work()
    } catch let error as MCDRLFFI.SegmenterError {
        throw SegmenterError(error)
    }
}

/// Like `translated(_:)`. Cancelling the task cancels the work.
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
