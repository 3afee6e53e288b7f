import Foundation
import MCDRLFFI

/// How much of an image a class takes: its share of the pixels and its mean probability there, both 0..1.
public typealias ClassShare = MCDRLFFI.ClassShare

/// A named confounder's share of the explanation, 0..1.
public typealias ConfounderWeight = MCDRLFFI.ConfounderWeight

/// A segmented image, at its own size. Maps are row-major.
public struct Segmentation: Sendable {
    /// Width in pixels, of the upright image.
    public let width: Int
    /// Height in pixels, of the upright image.
    public let height: Int
    /// A class for every pixel: 0 is background, k the k-th class.
    public let categoryMask: [UInt8]
    /// Every lesion class, in the order of the mask's values.
    public let classes: [ClassShare]
    /// Every confounder; the weights sum to one. Empty for a model without intervention.
    public let confounders: [ConfounderWeight]
    /// The mean of ``uncertainty``.
    public let meanUncertainty: Float
    /// Where it was computed: `cpu` or `gpu`.
    public let device: String
    /// How long the model took.
    public let milliseconds: Double

    private let maps: Maps
    private let labels: Int

    init(_ native: MCDRLFFI.Segmentation, labels: Int) {
        width = Int(native.width)
        height = Int(native.height)
        categoryMask = [UInt8](native.categoryMask)
        classes = native.classes
        confounders = native.confounders
        meanUncertainty = native.meanUncertainty
        device = native.device
        milliseconds = native.milliseconds
        maps = native.maps
        self.labels = labels
    }

    /// For every label, the background first, its probability at every pixel. Made anew at every call.
    public func confidenceMasks() -> [[Float]] {
        (0..<labels).map { floats(maps.confidenceMask(index: UInt32($0)) ?? Data()) }
    }

    /// How unsure the model is at every pixel: normalised entropy, 0..1. Made anew at every call.
    public func uncertainty() -> [Float] {
        floats(maps.uncertainty())
    }

    /// The grid on which the text selected candidate regions.
    public func regions() -> RegionMap {
        let native = maps.regions()
        return RegionMap(
            rows: Int(native.rows),
            columns: Int(native.columns),
            similarity: floats(native.similarity),
            retained: native.retained.map { $0 != 0 },
            confounders: native.confounders.map(floats))
    }
}

/// The grid on which the text selected candidate regions.
public struct RegionMap: Sendable {
    /// Rows of the grid.
    public let rows: Int
    /// Columns of the grid.
    public let columns: Int
    /// Similarity to the best class prompt, -1..1.
    public let similarity: [Float]
    /// Whether a position was retained.
    public let retained: [Bool]
    /// For every confounder its weight at the retained positions, 0 at the others.
    public let confounders: [[Float]]
}

private func floats(_ bytes: Data) -> [Float] {
    [Float](unsafeUninitializedCapacity: bytes.count / 4) { floats, count in
        count = bytes.copyBytes(to: floats) / 4
    }
}
