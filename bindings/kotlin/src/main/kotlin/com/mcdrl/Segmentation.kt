package com.mcdrl

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** How much of an image a class takes: its share of the pixels and its mean probability there, both 0..1. */
public typealias ClassShare = com.mcdrl.ffi.ClassShare

/** A named confounder's share of the explanation, 0..1. */
public typealias ConfounderWeight = com.mcdrl.ffi.ConfounderWeight

/** A segmented image, at its own size. Maps are row-major. */
public class Segmentation internal constructor(native: com.mcdrl.ffi.Segmentation, labels: Int) {
    private val maps = native.maps

    /** Width in pixels, of the upright image. */
    public val width: Int = native.width.toInt()

    /** Height in pixels, of the upright image. */
    public val height: Int = native.height.toInt()

    /** A class for every pixel: 0 is background, k the k-th class. */
    public val categoryMask: ByteArray = native.categoryMask

    /** Every lesion class, in the order of the mask's values. */
    public val classes: List<ClassShare> = native.classes

    /** Every confounder; the weights sum to one. Empty for a model without intervention. */
    public val confounders: List<ConfounderWeight> = native.confounders

    /** The mean of [uncertainty]. */
    public val meanUncertainty: Float = native.meanUncertainty

    /** Where it was computed: `cpu` or `gpu`. */
    public val device: String = native.device

    /** How long the model took. */
    public val milliseconds: Double = native.milliseconds

    /** For every label, the background first, its probability at every pixel. Made when asked for. */
    public val confidenceMasks: List<FloatArray> by lazy {
        List(labels) { label -> floats(maps.confidenceMask(label.toUInt())!!) }
    }

    /** How unsure the model is at every pixel: normalised entropy, 0..1. Made when asked for. */
    public val uncertainty: FloatArray by lazy { floats(maps.uncertainty()) }

    /** The grid on which the text selected candidate regions. Made when asked for. */
    public val regions: RegionMap by lazy {
        val native = maps.regions()
        RegionMap(
            native.rows.toInt(),
            native.columns.toInt(),
            floats(native.similarity),
            BooleanArray(native.retained.size) { native.retained[it] != 0.toByte() },
            native.confounders.map(::floats),
        )
    }
}

/** The grid on which the text selected candidate regions. */
public class RegionMap internal constructor(
    /** Rows of the grid. */
    public val rows: Int,
    /** Columns of the grid. */
    public val columns: Int,
    /** Similarity to the best class prompt, -1..1. */
    public val similarity: FloatArray,
    /** Whether a position was retained. */
    public val retained: BooleanArray,
    /** For every confounder its weight at the retained positions, 0 at the others. */
    public val confounders: List<FloatArray>,
)

private fun floats(bytes: ByteArray): FloatArray {
    val floats = FloatArray(bytes.size / 4)
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats)
    return floats
}
