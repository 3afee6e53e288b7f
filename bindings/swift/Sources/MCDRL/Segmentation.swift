import Foundation
import MCDRLFFI

/// A class's share of an image.
public struct ClassShare: Sendable, Equatable {
    /// The class's name.
    public let name: String
    /// Its share of the pixels, 0..1.
    public let fraction: Float
    /// The mean probability of the class over its pixels, 0 if there are none.
    public let confidence: Float

    public init(name: String, fraction: Float, confidence: Float) {
        self.name = name
        self.fraction = fraction
        self.confidence = confidence
    }
}

/// What an image shows of a named confounder.
public struct ConfounderWeight: Sendable, Equatable {
    /// The confounder's name.
    public let name: String
    /// Its family.
    public let family: String
    /// Its share of the correction, 0..1.
    public let weight: Float
    /// The probability that it is visible, 0..1, independent of the others.
    public let presence: Float
    /// The share of the active area where it is visible, 0..1.
    public let area: Float
    /// Whether it is a disturbance. The usual state, such as white light, is not: do not show it as one.
    public let isDisturbance: Bool
    /// The smallest presence that gives a quality hint; `nil`: never a hint.
    public let hintPresence: Float?
    /// Its name in plain words.
    public let words: String

    public init(
        name: String, family: String, weight: Float, presence: Float, area: Float, isDisturbance: Bool = true,
        hintPresence: Float? = nil, words: String? = nil
    ) {
        self.name = name
        self.family = family
        self.weight = weight
        self.presence = presence
        self.area = area
        self.isDisturbance = isDisturbance
        self.hintPresence = hintPresence
        self.words = words ?? name
    }
}

/// A connected lesion.
public struct Lesion: Sendable, Equatable {
    /// The name of its class.
    public let name: String
    /// The mean probability of its class over its pixels, 0..1.
    public let confidence: Float
    /// Its share of the image, 0..1.
    public let fraction: Float
    /// The number of its pixels.
    public let pixels: Int
    /// The smallest rectangle around it.
    public let bounds: Bounds
    /// The corners of its outline, clockwise. They lie on the edges of pixels.
    public let outline: [Point]
    /// Its area in mm²; `nil` if the file does not state the size of its pixels.
    public let areaMm2: Float?

    /// A rectangle of whole pixels.
    public struct Bounds: Sendable, Equatable {
        public let left, top, width, height: Int

        init(_ sides: [UInt32]) {
            left = Int(sides[0])
            top = Int(sides[1])
            width = Int(sides[2])
            height = Int(sides[3])
        }
    }

    /// A corner, in pixels from the top left corner of the image.
    public struct Point: Sendable, Equatable {
        public let x, y: Int
    }

    init(_ native: MCDRLFFI.Lesion) {
        name = native.name
        confidence = native.confidence
        fraction = native.fraction
        pixels = Int(native.pixels)
        bounds = Bounds(native.bounds)
        areaMm2 = native.areaMm2
        let numbers = native.outline.map(Int.init)
        outline = stride(from: 0, to: numbers.count - 1, by: 2).map { Point(x: numbers[$0], y: numbers[$0 + 1]) }
    }
}

/// A segmented image, at its own size. Maps are row-major.
public struct Segmentation: Sendable {
    /// Width in pixels, of the upright image.
    public let width: Int
    /// Height in pixels, of the upright image.
    public let height: Int
    /// A class for every pixel: 0 is background, k the k-th class.
    public let categoryMask: [UInt8]
    /// The part of the image that was segmented: the picture, without wide borders, panels and text around it. Elsewhere is background.
    public let activeArea: Lesion.Bounds
    /// Every lesion class, in the order of the mask values.
    public let classes: [ClassShare]
    /// The connected lesions, the largest first.
    public let lesions: [Lesion]
    /// Every confounder. The weights sum to one.
    public let confounders: [ConfounderWeight]
    /// The disturbances that the image shows, the most certain first, in plain words: `glare on 8 % of the picture`.
    public let disturbances: [String]
    /// Remarks about the image, one sentence each: left out pages, scaled bits, what is around the picture.
    public let notes: [String]
    /// How unlike the training images the image is, 0..1. Above 0.5, do not trust the mask.
    public let unfamiliar: Float
    /// The lesion Dice that the model expects of the mask, 0..1.
    public let expectedDice: Float
    /// The mean uncertainty of the active area.
    public let meanUncertainty: Float
    /// The device that computed it: `cpu` or `gpu`.
    public let device: String
    /// The time that the model took, in milliseconds.
    public let milliseconds: Double

    private let native: MCDRLFFI.Segmentation
    private let labels: Int

    init(_ native: MCDRLFFI.Segmentation, of segmenter: ImageSegmenter) {
        let mask = native.categoryMask()
        width = Int(mask.width)
        height = Int(mask.height)
        categoryMask = [UInt8](mask.classes)
        activeArea = Lesion.Bounds(native.activeArea())
        let shares = zip(floats(native.classFractions()), floats(native.classConfidences()))
        classes = zip(segmenter.labels.dropFirst(), shares).map {
            ClassShare(name: $0, fraction: $1.0, confidence: $1.1)
        }
        let seen = zip(floats(native.confounderPresences()), floats(native.confounderAreas()))
        confounders = zip(segmenter.confounders, zip(floats(native.confounderWeights()), seen)).map {
            ConfounderWeight(
                name: $0.name, family: $0.family, weight: $1.0, presence: $1.1.0, area: $1.1.1,
                isDisturbance: $0.isDisturbance, hintPresence: $0.hintPresence, words: $0.words)
        }
        lesions = native.lesions().map(Lesion.init)
        disturbances = native.disturbances()
        notes = native.notes()
        unfamiliar = native.unfamiliar()
        expectedDice = native.expectedDice()
        meanUncertainty = native.meanUncertainty()
        device = segmenter.device
        milliseconds = native.milliseconds()
        self.native = native
        labels = segmenter.labels.count
    }

    /// The probability of each label at every pixel, the background first. Every call copies the masks.
    public func confidenceMasks() -> [[Float]] {
        (0..<labels).map { floats(native.confidenceMask(index: UInt32($0)) ?? Data()) }
    }

    /// The model's uncertainty at every pixel: normalised entropy, 0..1. Every call copies the map.
    public func uncertainty() -> [Float] {
        floats(native.uncertainty())
    }

    /// The grid on which the text prompts selected candidate regions.
    public func regions() -> RegionMap {
        let map = native.regions()
        return RegionMap(
            rows: Int(map.rows),
            columns: Int(map.columns),
            similarity: floats(map.similarity),
            retained: map.retained.map { $0 != 0 },
            confounders: map.confounders.map(floats))
    }
}

/// The grid on which the text prompts selected candidate regions. It lies on the active area.
public struct RegionMap: Sendable {
    /// Rows of the grid.
    public let rows: Int
    /// Columns of the grid.
    public let columns: Int
    /// Similarity to the best class prompt, -1..1.
    public let similarity: [Float]
    /// Whether a position was retained.
    public let retained: [Bool]
    /// For each confounder a map of its dose, 0..1.
    public let confounders: [[Float]]
}

private func floats(_ bytes: Data) -> [Float] {
    [Float](unsafeUninitializedCapacity: bytes.count / 4) { floats, count in
        count = bytes.copyBytes(to: floats) / 4
    }
}
