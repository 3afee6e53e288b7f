import MCDRL
import PointOfCare
import XCTest

final class LogicTests: XCTestCase {
    private func weights(_ pairs: KeyValuePairs<String, Float>) -> [ConfounderWeight] {
        pairs.map { ConfounderWeight(name: $0.key, family: "family", weight: $0.value) }
    }

    func testTheHintIsAboutWhatDisturbsMost() {
        XCTAssertNil(QualityHint.of([]))
        XCTAssertNil(QualityHint.of(weights(["white-light": 0.9, "reflection": 0.1])))
        XCTAssertEqual(QualityHint.of(weights(["reflection": 0.4, "blur": 0.1])), .reflection)
        XCTAssertEqual(QualityHint.of(weights(["reflection": 0.18, "blur": 0.6])), .blur)
        // A model of another field has other confounders.
        XCTAssertNil(QualityHint.of(weights(["acoustic shadow": 1])))
        XCTAssertTrue(QualityHint.allCases.allSatisfy { $0.words.contains(":") })
    }

    func testLesionsAreFilledAndOutlinedInTheirClassesColour() {
        var mask = [UInt8](repeating: 0, count: 48)
        for y in 1...4 { for x in 2...6 { mask[y * 8 + x] = 2 } }
        let pixels = overlay(mask: mask, width: 8, height: 6)
        let colour = Colour.ofClass(2)
        XCTAssertEqual(Array(pixels[0..<4]), [0, 0, 0, 0])
        let edge = 4 * (1 * 8 + 2)
        XCTAssertEqual(Array(pixels[edge..<edge + 4]), [colour.red, colour.green, colour.blue, 255])
        let inside = 4 * (2 * 8 + 4)
        XCTAssertTrue((1...254).contains(pixels[inside + 3]))
        XCTAssertEqual(Double(pixels[inside]), Double(colour.red) * Double(pixels[inside + 3]) / 255, accuracy: 1)
    }

    func testSharesAreReadEasily() {
        let shares: [Float] = [0, 0.042, 0.0994, 0.0996, 0.35, 1]
        XCTAssertEqual(shares.map(percent), ["0.0 %", "4.2 %", "9.9 %", "10 %", "35 %", "100 %"])
    }
}
