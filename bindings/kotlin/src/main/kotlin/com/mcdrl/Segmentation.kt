package com.mcdrl

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** A class's share of an image. */
public data class ClassShare(
    /** The class's name. */
    public val name: String,
    /** Its share of the pixels, 0..1. */
    public val fraction: Float,
    /** The mean probability of the class over its pixels, 0 if there are none. */
    public val confidence: Float,
)

/** What an image shows of a named confounder. */
public data class ConfounderWeight(
    /** The confounder's name. */
    public val name: String,
    /** Its family. */
    public val family: String,
    /** Its share of the correction, 0..1. */
    public val weight: Float,
    /** The probability that it is visible, 0..1, independent of the others. */
    public val presence: Float,
    /** The share of the active area where it is visible, 0..1. */
    public val area: Float,
    /** Whether it is a disturbance. The usual state, such as white light, is not: do not show it as one. */
    public val isDisturbance: Boolean = true,
    /** The smallest presence that gives a quality hint; `null`: never a hint. */
    public val hintPresence: Float? = null,
    /** Its name in plain words. */
    public val words: String = name,
)

/** A connected lesion. */
public data class Lesion(
    /** The name of its class. */
    public val name: String,
    /** The mean probability of its class over its pixels, 0..1. */
    public val confidence: Float,
    /** Its share of the image, 0..1. */
    public val fraction: Float,
    /** The number of its pixels. */
    public val pixels: Long,
    /** The smallest rectangle around it. */
    public val bounds: Bounds,
    /** The corners of its outline, clockwise. They lie on the edges of pixels. */
    public val outline: List<Point>,
    /** Its area in mm²; `null` if the file does not state the size of its pixels. */
    public val areaMm2: Float? = null,
)

/** A rectangle of whole pixels. */
public data class Bounds(public val left: Int, public val top: Int, public val width: Int, public val height: Int)

/** A corner, in pixels from the top left corner of the image. */
public data class Point(public val x: Int, public val y: Int)

/**
 * A segmented image, at its own size. Maps are row-major and are copied when they are first read.
 *
 * A part of its memory lies outside the JVM, where the garbage collector does not see it. [close] frees it at once. Close
 * the results of a video. A closed result keeps the parts that were read. Reading other parts throws a
 * [SegmenterException] with `CLOSED`.
 */
public class Segmentation internal constructor(
    private val native: com.mcdrl.ffi.Segmentation,
    private val labels: List<String>,
    private val names: List<Confounder>,
    /** The device that computed it: `cpu` or `gpu`. */
    public val device: String,
) : AutoCloseable {
    private val mask = native.categoryMask()

    /** Width in pixels, of the upright image. */
    public val width: Int = mask.width.toInt()

    /** Height in pixels, of the upright image. */
    public val height: Int = mask.height.toInt()

    /** A class for every pixel: 0 is background, k the k-th class. */
    public val categoryMask: ByteArray = mask.classes

    /** The time that the model took, in milliseconds. */
    public val milliseconds: Double by lazy { read { native.milliseconds() } }

    /** Every lesion class, in the order of the mask values. */
    public val classes: List<ClassShare> by lazy {
        val (fractions, confidences) = read { floats(native.classFractions()) to floats(native.classConfidences()) }
        labels.drop(1).mapIndexed { index, name -> ClassShare(name, fractions[index], confidences[index]) }
    }

    /** The connected lesions, the largest first. */
    public val lesions: List<Lesion> by lazy {
        read { native.lesions() }.map { lesion ->
            val outline = lesion.outline.chunked(2) { (x, y) -> Point(x.toInt(), y.toInt()) }
            Lesion(lesion.name, lesion.confidence, lesion.fraction, lesion.pixels.toLong(), boundsOf(lesion.bounds), outline, lesion.areaMm2)
        }
    }

    /**
     * The part of the image that was segmented: the picture, without wide borders, panels and text around it. Elsewhere is background.
     */
    public val activeArea: Bounds by lazy { boundsOf(read { native.activeArea() }) }

    /** Every confounder. The weights sum to one. */
    public val confounders: List<ConfounderWeight> by lazy {
        val weights = floats(read { native.confounderWeights() })
        val presences = floats(read { native.confounderPresences() })
        val areas = floats(read { native.confounderAreas() })
        names.mapIndexed { index, (name, family, words, isDisturbance, hintPresence) ->
            ConfounderWeight(name, family, weights[index], presences[index], areas[index], isDisturbance, hintPresence, words)
        }
    }

    /** The disturbances that the image shows, the most certain first, in plain words: `glare on 8 % of the picture`. */
    public val disturbances: List<String> by lazy { read { native.disturbances() } }

    /** Remarks about the image, one sentence each: left out pages, scaled bits, what is around the picture. */
    public val notes: List<String> by lazy { read { native.notes() } }

    /** The lesion Dice that the model expects of the mask, 0..1. */
    public val expectedDice: Float by lazy { read { native.expectedDice() } }

    /** How unlike the training images the image is, 0..1. Above 0.5, do not trust the mask. */
    public val unfamiliar: Float by lazy { read { native.unfamiliar() } }

    /** The mean uncertainty of the active area. */
    public val meanUncertainty: Float by lazy { read { native.meanUncertainty() } }

    /** The probability of each label at every pixel, the background first. */
    public val confidenceMasks: List<FloatArray> by lazy {
        List(labels.size) { label -> floats(read { native.confidenceMask(label.toUInt())!! }) }
    }

    /** The model's uncertainty at every pixel: normalised entropy, 0..1. */
    public val uncertainty: FloatArray by lazy { floats(read { native.uncertainty() }) }

    /** The grid on which the text prompts selected candidate regions. */
    public val regions: RegionMap by lazy {
        val map = read { native.regions() }
        RegionMap(
            map.rows.toInt(),
            map.columns.toInt(),
            floats(map.similarity),
            BooleanArray(map.retained.size) { map.retained[it] != 0.toByte() },
            map.confounders.map(::floats),
        )
    }

    /** Frees its memory outside the JVM. Closing again does nothing. */
    override fun close(): Unit = native.close()

    private inline fun <T> read(part: () -> T): T =
        try {
            translated(part)
        } catch (freed: IllegalStateException) {
            // UniFFI throws this for a freed object.
            throw SegmenterException(SegmenterException.Code.CLOSED, "the result is closed: read its parts before you close it")
        }
}

/** The grid on which the text prompts selected candidate regions. It lies on the active area. */
public class RegionMap internal constructor(
    /** Rows of the grid. */
    public val rows: Int,
    /** Columns of the grid. */
    public val columns: Int,
    /** Similarity to the best class prompt, -1..1. */
    public val similarity: FloatArray,
    /** Whether a position was retained. */
    public val retained: BooleanArray,
    /** For each confounder a map of its dose, 0..1. */
    public val confounders: List<FloatArray>,
)

private fun boundsOf(sides: List<UInt>): Bounds {
    val (left, top, width, height) = sides.map { it.toInt() }
    return Bounds(left, top, width, height)
}

private fun floats(bytes: ByteArray): FloatArray {
    val floats = FloatArray(bytes.size / 4)
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(floats)
    return floats
}
