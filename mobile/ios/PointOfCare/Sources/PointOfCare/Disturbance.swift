import MCDRL

/// All disturbances that the model knows, the most probable first. Without the usual state, such as white light.
public func knownDisturbances(_ confounders: [ConfounderWeight]) -> [ConfounderWeight] {
    confounders.filter(\.isDisturbance).sorted { $0.presence > $1.presence }
}

/// Whether a picture is so unlike the training pictures that nobody should rely on its mask.
public func isUnfamiliar(_ unfamiliar: Float) -> Bool { unfamiliar >= 0.5 }
