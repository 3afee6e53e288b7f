import MCDRL

/// What the person who holds the scope can do about the picture; the names are those of the model's confounders.
public enum QualityHint: String, CaseIterable, Sendable {
    case reflection, blur, dark, bright, blood, mucus, artefacts, near, far, uneven

    /// From which weight on it disturbs, measured with the demonstration model: 95 of 100 real frames of each site have less,
    /// and 99 of 100 synthetic ones without that confounder.
    private var disturbs: Float {
        switch self {
        case .blur, .dark: 0.08
        case .mucus: 0.10
        case .uneven: 0.11
        case .bright: 0.13
        case .artefacts, .far: 0.15
        case .blood: 0.16
        case .reflection: 0.17
        case .near: 0.18
        }
    }

    /// The words, a key of the app's localisation.
    public var words: String {
        switch self {
        case .reflection: "Glare: tilt the scope"
        case .blur: "Blurred: hold still"
        case .dark: "Too dark: more light"
        case .bright: "Too bright: less light"
        case .blood: "Blood: rinse"
        case .mucus: "Mucus: rinse"
        case .artefacts: "Artefacts in the picture: check the signal"
        case .near: "Too near: pull back a little"
        case .far: "Too far: come closer"
        case .uneven: "Uneven light: centre the scope"
        }
    }

    /// The hint about what disturbs most, beyond what a good picture has; `nil` for a good picture.
    public static func of(_ confounders: [ConfounderWeight]) -> QualityHint? {
        let disturbing = confounders.compactMap { confounder -> (hint: QualityHint, excess: Float)? in
            guard let hint = QualityHint(rawValue: confounder.name), confounder.weight >= hint.disturbs else {
                return nil
            }
            return (hint, confounder.weight / hint.disturbs)
        }
        return disturbing.max { $0.excess < $1.excess }?.hint
    }
}
