import MCDRL
import PointOfCare
import XCTest

final class LogicTests: XCTestCase {
    /// A confounder with a presence, an area, and the smallest presence that gives a hint.
    private func confounder(
        _ name: String, _ presence: Float, area: Float = 0, limit: Float? = nil
    ) -> ConfounderWeight {
        ConfounderWeight(
            name: name, family: "family", weight: 0.1, presence: presence, area: area, hintPresence: limit)
    }

    /// The usual state.
    private let whiteLight = ConfounderWeight(
        name: "white-light", family: "family", weight: 0.5, presence: 1, area: 1, isDisturbance: false)

    private func reflection(_ presence: Float) -> ConfounderWeight { confounder("reflection", presence, limit: 0.8) }

    private func blur(_ presence: Float) -> ConfounderWeight { confounder("blur", presence, limit: 0.6) }

    func testTheHintNamesTheConfounderThatExceedsItsLimitMost() {
        XCTAssertNil(QualityHint.of([]))
        XCTAssertNil(QualityHint.of([whiteLight, reflection(0.7)]))
        XCTAssertEqual(QualityHint.of([reflection(1), blur(0.65)]), .reflection)
        XCTAssertEqual(QualityHint.of([reflection(0.85), blur(0.9)]), .blur)
        // The model sets the smallest presence that gives a hint.
        XCTAssertNil(QualityHint.of([confounder("reflection", 0.4, limit: 0.5)]))
        XCTAssertNil(QualityHint.of([confounder("reflection", 0.9, limit: nil)]))
        // A model of another field has other confounders.
        XCTAssertNil(QualityHint.of([confounder("acoustic shadow", 1, limit: 0.1)]))
        XCTAssertTrue(QualityHint.allCases.allSatisfy { $0.words.contains(":") })
    }

    func testTheDisturbancesThatTheModelKnowsAreSorted() {
        let (blood, mucus) = (confounder("blood", 0.6), confounder("mucus", 0.5))
        XCTAssertEqual(knownDisturbances([whiteLight, mucus, blood]), [blood, mucus])
    }

    func testAPictureUnlikeTheTrainingPicturesIsUnfamiliar() {
        let values: [Float] = [0, 0.49, 0.5, 1]
        XCTAssertEqual(values.map(isUnfamiliar), [false, false, true, true])
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
