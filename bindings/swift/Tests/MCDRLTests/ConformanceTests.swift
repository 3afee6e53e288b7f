import MCDRL
import XCTest

final class ConformanceTests: XCTestCase {
    func testThePackageGivesTheNativeAnswers() async throws {
        let answers = try Lab.answers()
        let tolerance = try XCTUnwrap(answers["tolerance"] as? [String: Double])
        let images = try XCTUnwrap(answers["images"] as? [[String: Any]])
        XCTAssertGreaterThan(images.count, 10)
        let segmenter = try await Lab.open()
        for answer in images {
            let (site, name) = (answer["site"] as! String, answer["name"] as! String)
            let found = try await segmenter.segment(Lab.sample(site, name))
            let stored = try Lab.classes(answer["mask"] as! [String: Any])
            XCTAssertEqual(stored.count, found.width * found.height)
            let differing = zip(stored, found.categoryMask).filter { $0 != $1 }.count
            XCTAssertLessThanOrEqual(
                Double(differing) / Double(stored.count), tolerance["share_of_differing_pixels"]!, name)
            let weights = answer["confounders"] as! [String: Double]
            let presences = answer["presences"] as! [String: Double]
            for confounder in found.confounders {
                XCTAssertEqual(
                    Double(confounder.weight), weights[confounder.name]!, accuracy: tolerance["confounder_weight"]!)
                XCTAssertEqual(
                    Double(confounder.presence), presences[confounder.name]!, accuracy: tolerance["presence"]!)
            }
            XCTAssertEqual(
                Double(found.unfamiliar), answer["unfamiliar"] as! Double, accuracy: tolerance["presence"]!)
            XCTAssertEqual(
                Double(found.expectedDice), answer["expected_dice"] as! Double, accuracy: tolerance["presence"]!)
            let shown = found.confounders.filter { $0.isDisturbance && $0.presence >= 0.5 }
            XCTAssertEqual(
                shown.sorted { $0.presence > $1.presence }.map(\.words),
                found.disturbances.map { $0.components(separatedBy: " on ")[0] })
        }
        try segmenter.close()
    }

    func testADicomFileIsSegmentedWhereItShowsThePictureInMillimetres() async throws {
        let segmenter = try await Lab.open()
        let found = try await segmenter.segment(Lab.dicom())
        XCTAssertEqual([found.width, found.height], [320, 240])
        let area = found.activeArea
        XCTAssertEqual([area.left, area.top, area.width, area.height], [120, 80, 160, 120])
        XCTAssertFalse(found.lesions.isEmpty)
        for lesion in found.lesions {
            XCTAssertTrue(lesion.bounds.left >= 120 && lesion.bounds.top >= 80)
            XCTAssertEqual(try XCTUnwrap(lesion.areaMm2), 0.25 * Float(lesion.pixels), accuracy: 0.01)
        }
        let plain = try await segmenter.segment(Lab.sample("site-b", "00000"))
        XCTAssertEqual([plain.activeArea.width, plain.activeArea.height], [plain.width, plain.height])
        XCTAssertTrue(plain.lesions.allSatisfy { $0.areaMm2 == nil })
        try segmenter.close()
    }

    func testTheWholeFrameAndTilesCanBeChosen() async throws {
        func found(_ options: ImageSegmenterOptions, _ file: Data) async throws -> Segmentation {
            let segmenter = try await ImageSegmenter.create(options: options)
            defer { try? segmenter.close() }
            return try await segmenter.segment(file)
        }
        let area = try await found(.init(model: Lab.model, device: .cpu, wholeFrame: true), Lab.dicom()).activeArea
        XCTAssertEqual([area.left, area.top, area.width, area.height], [0, 0, 320, 240])
        let sample = try Lab.sample("site-b", "00000")
        let plain = try await found(.init(model: Lab.model, device: .cpu), sample).confidenceMasks()[0]
        let tiled = try await found(.init(model: Lab.model, device: .cpu, tileSide: 100), sample).confidenceMasks()[0]
        XCTAssertGreaterThan(zip(plain, tiled).map { abs($0 - $1) }.max()!, 1e-3)
        let oneTile = try await found(.init(model: Lab.model, device: .cpu, tileSide: 5000), sample).confidenceMasks()[0]
        XCTAssertLessThan(zip(plain, oneTile).map { abs($0 - $1) }.max()!, 1e-6)
        for side in [0, -1] {
            do {
                _ = try await found(.init(model: Lab.model, device: .cpu, tileSide: side), sample)
                XCTFail("a tile of side \(side)")
            } catch let error as SegmenterError {
                XCTAssertEqual(error.code, .input)
            }
        }
    }

    func testTheMapsAgreeWithTheMask() async throws {
        let segmenter = try await Lab.open()
        let found = try await segmenter.segment(Lab.sample("site-b", "00000"))
        let masks = found.confidenceMasks()
        XCTAssertEqual(segmenter.labels[0], "background")
        XCTAssertEqual(masks.count, segmenter.labels.count)
        for pixel in stride(from: 0, to: found.categoryMask.count, by: 97) {
            XCTAssertEqual(masks.reduce(0) { $0 + $1[pixel] }, 1, accuracy: 1e-4)
            XCTAssertEqual(found.categoryMask[pixel] == 0, masks[0][pixel] >= 0.5)
        }
        let uncertainty = found.uncertainty()
        XCTAssertEqual(uncertainty.count, found.categoryMask.count)
        XCTAssertTrue(uncertainty.allSatisfy { (0...1).contains($0) })
        let regions = found.regions()
        XCTAssertEqual(regions.similarity.count, regions.rows * regions.columns)
        XCTAssertEqual(regions.confounders.count, segmenter.confounders.count)
        XCTAssertEqual(found.confounders.reduce(0) { $0 + $1.weight }, 1, accuracy: 1e-3)
        XCTAssertFalse(found.lesions.isEmpty)
        XCTAssertEqual(found.lesions.reduce(0) { $0 + $1.pixels }, found.categoryMask.filter { $0 > 0 }.count)
        for lesion in found.lesions {
            XCTAssertTrue(segmenter.labels.dropFirst().contains(lesion.name))
            let (across, down) = (0...lesion.bounds.width, 0...lesion.bounds.height)
            XCTAssertTrue(
                lesion.outline.allSatisfy {
                    across.contains($0.x - lesion.bounds.left) && down.contains($0.y - lesion.bounds.top)
                })
        }
        XCTAssertEqual(found.notes, [])
        try segmenter.close()
    }

    func testConfoundersHaveAPresenceAndAnArea() async throws {
        let segmenter = try await Lab.open()
        XCTAssertEqual(segmenter.confounders.filter { !$0.isDisturbance }.map(\.name), ["white-light"])
        let found = try await segmenter.segment(Lab.sample("site-b", "00000"))
        XCTAssertEqual(found.confounders.map(\.name), segmenter.confounders.map(\.name))
        XCTAssertEqual(found.confounders.map(\.isDisturbance), segmenter.confounders.map(\.isDisturbance))
        XCTAssertEqual(found.confounders.map(\.hintPresence), segmenter.confounders.map(\.hintPresence))
        XCTAssertTrue(found.confounders.allSatisfy { (0...1).contains($0.presence) && (0...1).contains($0.area) })
        XCTAssertTrue((0...1).contains(found.unfamiliar))
        XCTAssertTrue(found.regions().confounders.joined().allSatisfy { (0...1).contains($0) })
        try segmenter.close()
    }
}
