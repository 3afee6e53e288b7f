import Foundation
import MCDRL
import XCTest

/// The repository's model, samples, answers and bad inputs.
enum Lab {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    static let assets = root.appendingPathComponent("crates/mcdrl/assets")
    static let model = assets.appendingPathComponent("demo.safetensors")

    static func open() async throws -> ImageSegmenter {
        try await ImageSegmenter.create(options: .init(model: model, device: .cpu))
    }

    /// Opens a model that sees 224² pixels. `cargo xtask bindings` writes it.
    static func openAt224(threads: Int? = nil) async throws -> ImageSegmenter {
        let file = try XCTUnwrap(ProcessInfo.processInfo.environment["MCDRL_MODEL_224"])
        return try await ImageSegmenter.create(
            options: .init(model: URL(fileURLWithPath: file), device: .cpu, threads: threads))
    }

    /// A frame of noise.
    static func noise(side: Int) -> Frame {
        let pixels = Data((0..<side * side * 4).map { UInt8(truncatingIfNeeded: $0 * 31) })
        return Frame(
            width: side, height: side, format: .rgba,
            planes: [.init(bytes: pixels, rowStride: 4 * side, pixelStride: 4)])
    }

    static func sample(_ path: String) throws -> Data {
        try Data(contentsOf: assets.appendingPathComponent("samples/\(path)"))
    }

    static func sample(_ site: String, _ name: String) throws -> Data {
        try sample("\(site)/images/\(name).png")
    }

    static func answers() throws -> [String: Any] { try read("answers.json") }

    static func badInputs(_ kind: String) throws -> [[String: Any]] {
        try XCTUnwrap(read("bad_inputs.json")[kind] as? [[String: Any]])
    }

    private static func read(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: root.appendingPathComponent("tests/conformance/\(name)"))
        return try XCTUnwrap(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// The classes of a stored mask.
    static func classes(_ mask: [String: Any]) throws -> [UInt8] {
        let runs = try XCTUnwrap(mask["runs"] as? String).split(separator: " ").compactMap { Int($0) }
        var classes = [UInt8]()
        for run in stride(from: 0, to: runs.count, by: 2) {
            classes.append(contentsOf: repeatElement(UInt8(runs[run]), count: runs[run + 1]))
        }
        return classes
    }
}

/// The code of the error that `work` throws.
func failure(_ work: () async throws -> some Any) async -> String {
    do {
        _ = try await work()
        return "no error"
    } catch let error as SegmenterError {
        return error.code.rawValue
    } catch {
        return "\(error)"
    }
}
