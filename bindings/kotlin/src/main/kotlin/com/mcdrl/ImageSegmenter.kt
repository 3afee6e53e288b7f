package com.mcdrl

import com.mcdrl.ffi.Cancellation
import com.mcdrl.ffi.CreationListener
import com.mcdrl.ffi.SegmenterOptions
import com.mcdrl.ffi.uniffiRustFutureContinuationCallbackImpl
import com.sun.jna.CallbackThreadInitializer
import com.sun.jna.Native
import java.nio.ByteBuffer
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.mapNotNull
import kotlinx.coroutines.withContext

/**
 * Segments images on a thread of its own. Names and behaviour follow MediaPipe's `ImageSegmenter`.
 *
 * ```
 * ImageSegmenter.createFromOptions(ImageSegmenterOptions(model = path)).use { segmenter ->
 *     val result = segmenter.segment(file)
 * }
 * ```
 *
 * Any coroutine may call it, several at once too: images are done in the order in which they came. Every function that
 * fails throws a [SegmenterException].
 */
public class ImageSegmenter private constructor(
    private val native: com.mcdrl.ffi.ImageSegmenter,
) : AutoCloseable {
    /** The names of the mask's values: `background` first. */
    public val labels: List<String> = native.labels()

    /** The confounders that the model knows, in the order of [Segmentation.confounders]. */
    public val confounders: List<Confounder> = native.confounders()

    /** Where it computes: `cpu` or `gpu`. */
    public val device: String = native.device()

    /**
     * Segments an image file: JPEG, PNG, TIFF, BMP or WebP; its EXIF orientation is applied. A cancelled coroutine gives
     * up the image at once.
     *
     * @throws SegmenterException `IMAGE`, `IMAGE_TOO_LARGE`, `DEVICE`, `CLOSED`
     */
    @Throws(SegmenterException::class)
    public suspend fun segment(file: ByteArray): Segmentation =
        // Decoding takes a while, and the caller may be a screen.
        withContext(Dispatchers.Default) {
            segment(translated { direct(ByteBuffer.wrap(file), com.mcdrl.ffi.Image.Companion::decode) })
        }

    /**
     * Segments pixels.
     *
     * @throws SegmenterException `INPUT`, `IMAGE_TOO_LARGE`, `DEVICE`, `CLOSED`
     */
    @Throws(SegmenterException::class)
    public suspend fun segment(frame: Frame): Segmentation =
        if (frame.width.toLong() * frame.height <= FEW) segment(frame.read())
        else withContext(Dispatchers.Default) { segment(frame.read()) }

    /**
     * Segments a frame of a video. While one is being segmented, only the newest of those that follow waits; a frame
     * that gives way to a newer one is answered with `null`. So memory does not grow and masks are never late.
     *
     * @param timestampMs milliseconds, larger than the last frame's, be it another video's
     * @throws SegmenterException as [segment]; `INPUT` for a timestamp that is not later
     */
    @Throws(SegmenterException::class)
    public suspend fun segmentForVideo(frame: Frame, timestampMs: Long): Segmentation? {
        // Here and now: elsewhere a later frame might overtake it.
        val result = frame.read().use { translated { native.segmentForVideoAsync(it, timestampMs, never) } }
        return result?.let { Segmentation(it, labels, confounders, device) }
    }

    /** Segments a video as it comes; frames that come faster than they can be segmented are left out. */
    public fun segmentVideo(frames: Flow<VideoFrame>): Flow<VideoSegmentation> =
        frames.conflate().mapNotNull { (frame, timestampMs) ->
            segmentForVideo(frame, timestampMs)?.let { VideoSegmentation(it, timestampMs) }
        }

    /**
     * Ends the segmenter after the image in hand and frees its memory; whoever still waits gets
     * `CLOSED`.
     *
     * @throws SegmenterException `CLOSED` if it was closed before
     */
    @Throws(SegmenterException::class)
    override fun close(): Unit = translated { native.shutDown() }

    /** Frees the image whatever happens, which is why it is never handed from one dispatcher to another. */
    private suspend fun segment(image: NativeImage): Segmentation {
        val result = image.use { translated { native.segmentAsync(it, never) } }
        return Segmentation(result, labels, confounders, device)
    }

    public companion object {
        /** Coroutines are cancelled by dropping what they wait for; nobody uses this one. */
        private val never = Cancellation()

        /** Pixels that are read on the caller's thread: fewer than a screen's frame takes. */
        private const val FEW = 1_000_000

        init {
            // Answers come on the library's threads. JNA would attach a thread to the JVM for every answer and detach it
            // again, which takes longer than all else about a call; as daemons they may outlive the program.
            val attached = CallbackThreadInitializer(true, false)
            Native.setCallbackThreadInitializer(uniffiRustFutureContinuationCallbackImpl, attached)
        }

        /**
         * Reads the model, opens the device and holds it to the model's own answer.
         *
         * @throws SegmenterException `MODEL`, `MODEL_VERSION`, `DEVICE`, `WRONG_ANSWER`, `INPUT`
         */
        @Throws(SegmenterException::class)
        public suspend fun createFromOptions(options: ImageSegmenterOptions): ImageSegmenter {
            val threads = options.threads?.let {
                if (it < 0) throw SegmenterException(SegmenterException.Code.INPUT, "$it threads cannot be had: give 1 or a few")
                it.toUInt()
            }
            val listener = options.onProgress?.let { onProgress ->
                object : CreationListener {
                    override fun onStage(stage: CreationStage) = onProgress(stage)
                }
            }
            val choices = SegmenterOptions(options.device, threads)
            val native = translated {
                com.mcdrl.ffi.ImageSegmenter.openAsync(options.model, choices, listener, never)
            }
            return ImageSegmenter(native)
        }
    }
}

/** A frame of a video. It may be read after it was emitted: planes must be copies, not a camera's own buffers. */
public data class VideoFrame(
    /** The frame. */
    public val frame: Frame,
    /** Milliseconds, larger than the last frame's. */
    public val timestampMs: Long,
)

/** What was found in a frame of a video. */
public data class VideoSegmentation(
    /** What was found. */
    public val segmentation: Segmentation,
    /** The frame's. */
    public val timestampMs: Long,
)
