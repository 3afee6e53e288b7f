import MCDRL
import XCTest

final class BadInputTests: XCTestCase {
    private func refused(_ bad: [String: Any], _ work: () async throws -> some Any) async {
        let found = await failure(work)
        XCTAssertEqual(found, bad["error"] as? String, "\(bad["name"] ?? "")")
    }

    func testBadImagesGiveTheListedErrors() async throws {
        let segmenter = try await Lab.open()
        for bad in try Lab.badInputs("images") {
            let sample = try (bad["sample"] as? String).map(Lab.sample)
            var file = sample ?? Data(base64Encoded: bad["base64"] as! String)!
            if let keep = bad["keep"] as? Double { file = file.prefix(Int(Double(file.count) * keep)) }
            await refused(bad) { [file] in try await segmenter.segment(file) }
        }
        let found = try await segmenter.segment(Lab.sample("site-b", "00000"))
        XCTAssertEqual(found.categoryMask.count, 256 * 256)
        try segmenter.close()
    }

    func testBadFramesGiveTheListedErrors() async throws {
        let segmenter = try await Lab.open()
        for bad in try Lab.badInputs("frames") {
            let planes = (bad["planes"] as! [[String: Int]]).map {
                Frame.Plane(
                    bytes: Data(count: $0["length"]!), rowStride: $0["row_stride"]!, pixelStride: $0["pixel_stride"]!)
            }
            let frame = Frame(
                width: bad["width"] as! Int, height: bad["height"] as! Int,
                format: bad["format"] as! String == "rgb" ? .rgb : .yuv420, planes: planes,
                rotation: bad["rotation"] as! Int)
            await refused(bad) { try await segmenter.segment(frame) }
        }
        try segmenter.close()
    }

    func testBadModelsGiveTheListedErrors() async throws {
        let good = try Data(contentsOf: Lab.model)
        for bad in try Lab.badInputs("models") {
            await refused(bad) {
                if let path = bad["path"] as? String {
                    return try await ImageSegmenter.create(options: .init(model: URL(fileURLWithPath: path)))
                }
                var file = good
                if let base64 = bad["base64"] as? String { file = Data(base64Encoded: base64)! }
                if let keep = bad["keep"] as? Double { file = good.prefix(Int(Double(good.count) * keep)) }
                if let flip = bad["flip"] as? Double { file[Int(Double(good.count) * flip)] ^= 0x10 }
                if let find = bad["find"] as? String, let range = file.range(of: Data(find.utf8)) {
                    file.replaceSubrange(range, with: Data((bad["replace"] as! String).utf8))
                }
                return try await ImageSegmenter.create(options: .init(model: file, device: .cpu))
            }
        }
    }

    func testAModelThatIsTooLargeForOneCallIsRefused() async {
        // Zeros take no memory until they are read.
        let huge = Data(count: 1 << 31)
        await refused(["error": "model"]) { try await ImageSegmenter.create(options: .init(model: huge)) }
    }

    func testImagesThatAreTooLargeForOneCallAreRefused() async throws {
        let segmenter = try await Lab.open()
        let huge = Data(count: 1 << 31)
        await refused(["error": "image-too-large"]) { try await segmenter.segment(huge) }
        let plane = Frame.Plane(bytes: huge, rowStride: 24, pixelStride: 3)
        let frame = Frame(width: 8, height: 8, format: .rgb, planes: [plane])
        await refused(["error": "image-too-large"]) { try await segmenter.segment(frame) }
        try segmenter.close()
    }

    func testBadOptionsGiveTheListedErrors() async throws {
        for bad in try Lab.badInputs("options") {
            await refused(bad) {
                try ImageSegmenter(options: .init(model: Lab.model, device: .cpu, threads: bad["threads"] as? Int))
            }
        }
    }
}
