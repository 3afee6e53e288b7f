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

    /// A DICOM file without a meta group. It shows a wall with a bump on 160 × 120 of 320 × 240 pixels, from 120, 80 on. A pixel is half a
    /// millimetre wide.
    static func dicom() -> Data {
        let (width, height) = (320, 240)
        var pixels = [UInt8](repeating: 0, count: 3 * width * height)
        for y in 0..<120 {
            for x in 0..<160 {
                let bump = max(0, 90 - ((x - 90) * (x - 90) + (y - 60) * (y - 60)) / 8)
                let shade = 170 + (x * 7 + y * 13) % 5 - ((x - 80) * (x - 80) + (y - 60) * (y - 60)) / 120
                let colors = [shade + bump / 2, shade / 2 + bump / 3 - 10, shade / 3 + bump / 3]
                let at = 3 * ((80 + y) * width + 120 + x)
                for (channel, value) in colors.enumerated() {
                    pixels[at + channel] = UInt8(min(max(value, 0), 255))
                }
            }
        }
        func bytes(_ number: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(number >> (8 * $0) & 255) }
        }
        func element(_ group: Int, _ element: Int, _ vr: String, _ value: [UInt8]) -> [UInt8] {
            let length = vr == "OW" ? [0, 0] + bytes(value.count, 4) : bytes(value.count, 2)
            return bytes(group, 2) + bytes(element, 2) + Array(vr.utf8) + length + value
        }
        func number(_ tag: Int, _ value: Int) -> [UInt8] { element(0x28, tag, "US", bytes(value, 2)) }
        let elements: [[UInt8]] = [
            element(0x08, 0x16, "UI", Array("1.2.840.10008.5.1.4.1.1.77.1.1".utf8)),
            number(0x02, 3),
            element(0x28, 0x04, "CS", Array("RGB ".utf8)),
            number(0x06, 0),
            number(0x10, height),
            number(0x11, width),
            element(0x28, 0x30, "DS", Array("0.5\\0.5 ".utf8)),
            number(0x100, 8),
            number(0x101, 8),
            number(0x102, 7),
            number(0x103, 0),
            element(0x7fe0, 0x10, "OW", pixels),
        ]
        return Data(elements.flatMap { $0 })
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
