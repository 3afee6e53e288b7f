import Foundation
import MCDRL
import PointOfCare
import XCTest

/// The session with the real model.
@MainActor
final class SessionTests: XCTestCase {
    private nonisolated static let model = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("crates/mcdrl/assets/demo.safetensors")

    private func frame(width: Int = 128) -> Frame {
        let bytes = Data((0..<width * 128 * 4).map { UInt8(truncatingIfNeeded: $0 * 7) })
        let plane = Frame.Plane(bytes: bytes, rowStride: width * 4, pixelStride: 4)
        return Frame(width: width, height: 128, format: .rgba, planes: [plane])
    }

    private func until(_ session: Session<String>, _ condition: (State<String>) -> Bool) async throws {
        for _ in 0..<6000 {
            if condition(session.state) { return }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        XCTFail("timeout after a minute: the state is \(session.state)")
    }

    private func ready() async throws -> Session<String> {
        let session = Session<String> { ImageSegmenterOptions(model: Self.model, device: .cpu) }
        session.start()
        session.start()
        try await until(session) { if case .ready = $0 { true } else { false } }
        return session
    }

    func testAPictureIsOpenedAndShown() async throws {
        let session = try await ready()
        var seen = [String]()
        session.onChange = { state in
            switch state {
            case .working(let picture): seen.append("working \(picture ?? "")")
            case .shown(let picture, let result): seen.append("shown \(picture) \(result.width)")
            default: seen.append("\(state)")
            }
        }
        let frame = frame()
        session.open { ("polyp", frame) }
        try await until(session) { if case .shown = $0 { true } else { false } }
        XCTAssertEqual(seen, ["working ", "working polyp", "shown polyp 128"])
    }

    func testAPictureThatComesBeforeTheModelIsShown() async throws {
        let session = Session<String> { ImageSegmenterOptions(model: Self.model, device: .cpu) }
        let frame = frame()
        session.open { ("early", frame) }
        try await until(session) { if case .shown("early", _) = $0 { true } else { false } }
    }

    func testTheLastOfManyPicturesIsShown() async throws {
        let session = try await ready()
        let frame = frame()
        for number in 0..<6 { session.open { ("\(number)", frame) } }
        try await until(session) { if case .shown("5", _) = $0 { true } else { false } }
    }

    func testBadPicturesAreReported() async throws {
        let session = try await ready()
        session.open { nil }
        try await until(session) { if case .noPicture(nil) = $0 { true } else { false } }
        let empty = Frame(width: 4, height: 4, format: .rgba, planes: [])
        session.open { ("empty", empty) }
        try await until(session) { if case .noPicture(let reason?) = $0 { reason.contains("planes") } else { false } }
        let frame = frame()
        session.open { ("good", frame) }
        try await until(session) { if case .shown = $0 { true } else { false } }
    }

    func testAModelThatFailsToLoadCanBeLoadedAgain() async throws {
        let attempts = Attempts()
        let session = Session<String> {
            attempts.next() == 1 ? .init(model: Data("no model".utf8)) : .init(model: Self.model, device: .cpu)
        }
        session.start()
        try await until(session) {
            if case .noModel(let reason) = $0 { reason.contains("safetensors") } else { false }
        }
        session.start()
        try await until(session) { if case .ready = $0 { true } else { false } }
    }
}

private final class Attempts: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}
