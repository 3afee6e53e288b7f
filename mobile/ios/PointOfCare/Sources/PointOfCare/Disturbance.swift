import MCDRL

/// A disturbance that a picture shows.
public struct Disturbance: Sendable, Equatable {
    /// The confounder's name.
    public let confounder: String
    /// The share of the picture where it is seen, 0..1; `nil` if it concerns the whole picture.
    public let area: Float?

    public init(confounder: String, area: Float?) {
        self.confounder = confounder
        self.area = area
    }

    /// The disturbance in words: `glare on 8 % of the picture`.
    public var words: String {
        let name = plainName(confounder)
        guard let area else { return name }
        let share = area < 0.01 ? "less than 1 %" : "\(Int((100 * area).rounded())) %"
        return "\(name) on \(share) of the picture"
    }

    /// The disturbances that a picture shows, the most probable first.
    public static func of(_ confounders: [ConfounderWeight]) -> [Disturbance] {
        known(confounders).filter { $0.presence >= present }.map {
            Disturbance(confounder: $0.name, area: namesArea($0.name, $0.area) ? $0.area : nil)
        }
    }

    /// All disturbances that the model knows, the most probable first. Without the usual state, such as white light.
    public static func known(_ confounders: [ConfounderWeight]) -> [ConfounderWeight] {
        confounders.filter(\.isDisturbance).sorted { $0.presence > $1.presence }
    }

    /// A disturbance is shown from this presence on.
    private static let present: Float = 0.5

    /// A disturbance on at least this share of the picture is everywhere.
    private static let whole: Float = 0.9

    private static let local: Set = ["mucus", "blood", "reflection"]
    private static let global: Set = ["blur", "artefacts", "bright", "dark", "uneven", "narrow-band", "near", "far"]

    /// Models of other fields have other disturbances. Their area decides.
    private static func namesArea(_ confounder: String, _ area: Float) -> Bool {
        local.contains(confounder) || (!global.contains(confounder) && area < whole)
    }
}

/// The plain name of a confounder. The names of other fields are shown as they are.
public func plainName(_ confounder: String) -> String {
    switch confounder {
    case "reflection": "glare"
    case "artefacts": "picture artefacts"
    case "bright": "over-exposure"
    case "dark": "under-exposure"
    case "uneven": "uneven light"
    case "narrow-band": "narrow-band light"
    case "near": "close view"
    case "far": "distant view"
    default: confounder
    }
}

/// Whether a picture is so unlike the training pictures that nobody should rely on its mask.
public func isUnfamiliar(_ unfamiliar: Float) -> Bool { unfamiliar >= 0.5 }
