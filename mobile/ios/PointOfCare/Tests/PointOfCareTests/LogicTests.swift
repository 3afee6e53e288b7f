import MCDRL
import PointOfCare
import XCTest

final class LogicTests: XCTestCase {
    private func confounder(_ name: String, _ weight: Float, limit: Float?) -> ConfounderWeight {
        ConfounderWeight(name: name, family: "family", weight: weight, hintWeight: limit)
    }

    private func reflection(_ weight: Float) -> ConfounderWeight { confounder("reflection", weight, limit: 0.17) }

    private func blur(_ weight: Float) -> ConfounderWeight { confounder("blur", weight, limit: 0.08) }

    func testTheHintNamesTheConfounderThatExceedsItsLimitMost() {
        XCTAssertNil(QualityHint.of([]))
        XCTAssertNil(QualityHint.of([confounder("white-light", 0.9, limit: nil), reflection(0.1)]))
        XCTAssertEqual(QualityHint.of([reflection(0.4), blur(0.1)]), .reflection)
        XCTAssertEqual(QualityHint.of([reflection(0.18), blur(0.6)]), .blur)
        // The model sets the smallest weight that gives a hint.
        XCTAssertNil(QualityHint.of([confounder("reflection", 0.4, limit: 0.5)]))
        XCTAssertNil(QualityHint.of([confounder("reflection", 0.4, limit: nil)]))
        // A model of another field has other confounders.
        XCTAssertNil(QualityHint.of([confounder("acoustic shadow", 1, limit: 0.1)]))
        XCTAssertTrue(QualityHint.allCases.allSatisfy { $0.words.contains(":") })
    }

    func testLesionsAreFilledAndOutlinedInTheirClassesColor() {
        var mask = [UInt8](repeating: 0, count: 48)
        for y in 1...4 { for x in 2...6 { mask[y * 8 + x] = 2 } }
        let pixels = overlay(mask: mask, width: 8, height: 6)
        let color = ClassColor(ofMaskValue: 2)
        XCTAssertEqual(Array(pixels[0..<4]), [0, 0, 0, 0])
        let edge = 4 * (1 * 8 + 2)
        XCTAssertEqual(Array(pixels[edge..<edge + 4]), [color.red, color.green, color.blue, 255])
        let inside = 4 * (2 * 8 + 4)
        XCTAssertTrue((1...254).contains(pixels[inside + 3]))
        XCTAssertEqual(Double(pixels[inside]), Double(color.red) * Double(pixels[inside + 3]) / 255, accuracy: 1)
    }

    func testSharesHaveFewDigits() {
        let shares: [Float] = [0, 0.042, 0.0994, 0.0996, 0.35, 1]
        XCTAssertEqual(shares.map(percent), ["0.0 %", "4.2 %", "9.9 %", "10 %", "35 %", "100 %"])
    }
}
