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
 * Any coroutine may call it, also several at once. Images are segmented in the order of the calls. Every error is a
 * [SegmenterException].
 */
public class ImageSegmenter private constructor(
    private val native: com.mcdrl.ffi.ImageSegmenter,
) : AutoCloseable {
    /** The names of the mask values: `background` first. */
    public val labels: List<String> = native.labels()

    /** The confounders of the model, in the order of [Segmentation.confounders]. */
    public val confounders: List<Confounder> = native.confounders()

    /** The device that computes: `cpu` or `gpu`. */
    public val device: String = native.device()

    /**
     * Segments an image file: JPEG, PNG, TIFF, BMP, WebP or DICOM. The EXIF orientation is applied. A cancelled coroutine drops
     * the image at once.
     *
     * @throws SegmenterException `IMAGE`, `IMAGE_TOO_LARGE`, `DEVICE`, `CLOSED`
     */
    @Throws(SegmenterException::class)
    public suspend fun segment(file: ByteArray): Segmentation =
        // Decoding is slow, and the caller may be a user interface.
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
     * Segments a frame of a video. While one frame is segmented, only the newest frame waits. A frame that gives way to a
     * newer one is answered with `null`. So memory does not grow and masks are never late.
     *
     * @param timestampMs milliseconds, larger than that of the last frame, also across videos
     * @throws SegmenterException as [segment]; `INPUT` for a timestamp that is not larger
     */
    @Throws(SegmenterException::class)
    public suspend fun segmentForVideo(frame: Frame, timestampMs: Long): Segmentation? {
        // The caller's thread reads the frame. On another thread a later frame might overtake it.
        val result = frame.read().use { translated { native.segmentForVideoAsync(it, timestampMs, never) } }
        return result?.let { Segmentation(it, labels, confounders, device) }
    }

    /** Segments a video. Frames that come faster than they can be segmented are dropped. */
    public fun segmentVideo(frames: Flow<VideoFrame>): Flow<VideoSegmentation> =
        frames.conflate().mapNotNull { (frame, timestampMs) ->
            segmentForVideo(frame, timestampMs)?.let { VideoSegmentation(it, timestampMs) }
        }

    /**
     * Ends the segmenter after the current image and frees its memory. Waiting callers get `CLOSED`.
     *
     * @throws SegmenterException `CLOSED` if it is closed already
     */
    @Throws(SegmenterException::class)
    override fun close(): Unit = translated { native.shutDown() }

    /** Frees the image even if the coroutine is cancelled. A change of the dispatcher would lose it. */
    private suspend fun segment(image: NativeImage): Segmentation {
        val result = image.use { translated { native.segmentAsync(it, never) } }
        return Segmentation(result, labels, confounders, device)
    }

    public companion object {
        /** Coroutines cancel by dropping their future. So nothing uses this cancellation. */
        private val never = Cancellation()

        /** Up to this many pixels are read on the caller's thread. This takes less time than a frame of a screen. */
        private const val FEW = 1_000_000

        init {
            // Answers come on the library's threads. By default JNA attaches a thread to the JVM for every answer and detaches
            // it again, which takes longer than the rest of a call. Daemon threads do not keep the program alive.
            val attached = CallbackThreadInitializer(true, false)
            Native.setCallbackThreadInitializer(uniffiRustFutureContinuationCallbackImpl, attached)
        }

        /**
         * Reads the model and opens the device. The device has to reproduce the model's reference answer.
         *
         * @throws SegmenterException `MODEL`, `MODEL_VERSION`, `DEVICE`, `WRONG_ANSWER`, `TIMEOUT`, `INPUT`
         */
        @Throws(SegmenterException::class)
        public suspend fun createFromOptions(options: ImageSegmenterOptions): ImageSegmenter {
            val threads = options.threads?.let { unsigned(it, "the number of threads") }
            val tileSide = options.tileSide?.let { unsigned(it, "the side of a tile") }
            val listener = options.onProgress?.let { onProgress ->
                object : CreationListener {
                    override fun onStage(stage: CreationStage) = onProgress(stage)
                }
            }
            val choices = SegmenterOptions(options.device, threads, options.wholeFrame, tileSide)
            val native = translated {
                com.mcdrl.ffi.ImageSegmenter.openAsync(options.model, choices, listener, never)
            }
            return ImageSegmenter(native)
        }

        private fun unsigned(value: Int, what: String): UInt {
            if (value < 0) throw SegmenterException(SegmenterException.Code.INPUT, "$what is $value: give 1 or more")
            return value.toUInt()
        }
    }
}

/** A frame of a video. It may be read after it was emitted, so its planes must be copies, not a camera's own buffers. */
public data class VideoFrame(
    /** The frame. */
    public val frame: Frame,
    /** Milliseconds, larger than that of the last frame. */
    public val timestampMs: Long,
)

/** The result for a frame of a video. */
public data class VideoSegmentation(
    /** The result. */
    public val segmentation: Segmentation,
    /** The frame's timestamp. */
    public val timestampMs: Long,
)
