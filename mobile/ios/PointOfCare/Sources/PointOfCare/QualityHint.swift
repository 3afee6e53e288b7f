import MCDRL

/// Advice to the person who holds the scope. Each hint is named after a confounder. The model sets the smallest presence
/// that gives a hint.
public enum QualityHint: String, CaseIterable, Sendable {
    case reflection, blur, dark, bright, blood, mucus, artefacts, near, far, uneven

    /// The text, a key of the app's localisation.
    public var words: String {
        switch self {
        case .reflection: "Glare: tilt the scope"
        case .blur: "Blurred: hold still"
        case .dark: "Too dark: more light"
        case .bright: "Too bright: less light"
        case .blood: "Blood: rinse"
        case .mucus: "Mucus: rinse"
        case .artefacts: "Artefacts in the picture: check the signal"
        case .near: "Too close: pull back a little"
        case .far: "Too far: move closer"
        case .uneven: "Uneven light: centre the scope"
        }
    }

    private static let smallestRange: Float = 1e-3

    /// The hint for the confounder that exceeds its limit most, as a share of what is above the limit; `nil` for a good
    /// picture.
    public static func of(_ confounders: [ConfounderWeight]) -> QualityHint? {
        let disturbing = confounders.compactMap { confounder -> (hint: QualityHint, excess: Float)? in
            guard let hint = QualityHint(rawValue: confounder.name), let limit = confounder.hintPresence,
                confounder.presence >= limit
            else { return nil }
            return (hint, (confounder.presence - limit) / max(1 - limit, smallestRange))
        }
        return disturbing.max { $0.excess < $1.excess }?.hint
    }
}
