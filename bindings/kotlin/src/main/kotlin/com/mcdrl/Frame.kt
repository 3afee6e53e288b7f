package com.mcdrl

import com.mcdrl.ffi.YuvColors
import com.mcdrl.ffi.YuvLayout
import com.sun.jna.Memory
import java.nio.ByteBuffer

/** The memory layout of a [Frame]'s pixels, 8 bits a channel. */
public enum class PixelFormat(internal val colors: YuvColors?) {
    /** Red, green, blue; one plane. */
    RGB(null),

    /** Red, green, blue, alpha; one plane. Alpha is dropped. */
    RGBA(null),

    /** Blue, green, red, alpha; one plane. Alpha is dropped. */
    BGRA(null),

    /** YUV 4:2:0, BT.601, 0..255, as Android's `YUV_420_888`; planes Y, Cb, Cr. */
    YUV420(YuvColors.BT601_FULL),

    /** YUV 4:2:0, BT.601, brightness 16..235; planes Y, Cb, Cr. */
    YUV420_VIDEO(YuvColors.BT601_VIDEO),

    /** YUV 4:2:0, BT.709, 0..255; planes Y, Cb, Cr. */
    YUV420_BT709(YuvColors.BT709_FULL),

    /** YUV 4:2:0, BT.709, brightness 16..235; planes Y, Cb, Cr. */
    YUV420_BT709_VIDEO(YuvColors.BT709_VIDEO),
}

/** One plane of a [Frame]. */
public class Plane(
    /** The plane's bytes, from position to limit. Direct buffers, such as a camera's, are read in place. */
    public val bytes: ByteBuffer,
    /** Bytes from one row to the next. The last row may end with its last pixel. */
    public val rowStride: Int,
    /** Bytes from one pixel to the next: 2 for the interleaved colours of NV12 and NV21. */
    public val pixelStride: Int,
) {
    /** A plane of an array. */
    public constructor(bytes: ByteArray, rowStride: Int, pixelStride: Int) :
        this(ByteBuffer.wrap(bytes), rowStride, pixelStride)
}

/** A frame in a camera's or a program's memory. */
public class Frame(
    /** Width in memory, in pixels. */
    public val width: Int,
    /** Height in memory, in pixels. */
    public val height: Int,
    /** The memory layout of the pixels. */
    public val format: PixelFormat,
    /** The planes, in the order of the format. */
    public val planes: List<Plane>,
    /** The clockwise rotation in degrees that makes the frame upright: 0, 90, 180 or 270. */
    public val rotation: Int = 0,
    /** Whether the upright frame must be mirrored left to right (front cameras). */
    public val mirrored: Boolean = false,
) {
    /**
     * The part of the frame inside a rectangle in memory, such as the `cropRect` of an Android image. Nothing is copied. In a
     * YUV frame, an odd left or top edge moves out by one pixel, because two pixels share a colour.
     *
     * @throws SegmenterException [SegmenterException.Code.INPUT] for a rectangle that is empty or leaves the frame
     */
    public fun cropped(left: Int, top: Int, width: Int, height: Int): Frame {
        if (left < 0 || top < 0 || width < 1 || height < 1 || left > this.width - width || top > this.height - height) {
            throw refusal("the rectangle $left, $top, $width×$height does not lie in the frame of ${this.width}×${this.height}")
        }
        val step = if (format.colors == null) 1 else 2
        val (x, y) = left / step * step to top / step * step
        val moved = planes.mapIndexed { index, plane ->
            val share = if (index == 0) 1 else 2
            val bytes = plane.bytes.duplicate()
            val start = bytes.position().toLong() + y / share * plane.rowStride.toLong() + x / share * plane.pixelStride.toLong()
            if (start > bytes.limit()) throw refusal("a plane is too short for the rectangle")
            bytes.position(start.toInt())
            Plane(bytes, plane.rowStride, plane.pixelStride)
        }
        return Frame(left + width - x, top + height - y, format, moved, rotation, mirrored)
    }

    /** Copies the frame into the library, upright. */
    internal fun read(): NativeImage = translated {
        val wanted = if (format.colors == null) 1 else 3
        if (planes.size != wanted) throw refusal("the frame has ${planes.size} planes where its format has $wanted")
        if (format.colors == null) readInterleaved() else readYuv(format.colors)
    }

    private fun readInterleaved(): NativeImage {
        val plane = planes[0]
        val read = when (format) {
            PixelFormat.RGB -> com.mcdrl.ffi.Image.Companion::rgb
            PixelFormat.RGBA -> com.mcdrl.ffi.Image.Companion::rgba
            else -> com.mcdrl.ffi.Image.Companion::bgra
        }
        return direct(plane.bytes) {
            read(
                it,
                unsigned(width, "the width"),
                unsigned(height, "the height"),
                unsigned(plane.rowStride, "the row stride"),
                unsigned(plane.pixelStride, "the pixel stride"),
                unsigned(rotation, "the rotation"),
                mirrored,
            )
        }
    }

    private fun readYuv(colors: YuvColors): NativeImage {
        val (y, cb, cr) = planes
        if (y.pixelStride != 1 || cb.rowStride != cr.rowStride || cb.pixelStride != cr.pixelStride) {
            throw refusal("the strides are wrong: Y needs the pixel stride 1, and Cb and Cr need equal strides")
        }
        val layout = YuvLayout(
            unsigned(width, "the width"),
            unsigned(height, "the height"),
            unsigned(y.rowStride, "the row stride of Y"),
            unsigned(cb.rowStride, "the row stride of the colours"),
            unsigned(cb.pixelStride, "the pixel stride of the colours"),
            colors,
            unsigned(rotation, "the rotation"),
            mirrored,
        )
        return direct(y.bytes) { first ->
            direct(cb.bytes) { second ->
                direct(cr.bytes) { third -> NativeImage.yuv420(first, second, third, layout) }
            }
        }
    }

    public companion object {
        /** RGBA pixels without padding, as in Android's bitmaps. */
        @JvmStatic
        public fun rgba(bytes: ByteArray, width: Int, height: Int): Frame =
            Frame(width, height, PixelFormat.RGBA, listOf(Plane(bytes, 4 * width, 4)))
    }
}

internal typealias NativeImage = com.mcdrl.ffi.Image

/** Passes bytes to the library: direct buffers in place, others as a temporary copy. */
internal inline fun <T> direct(bytes: ByteBuffer, use: (ByteBuffer) -> T): T {
    val size = bytes.remaining()
    if (bytes.isDirect || size == 0) return use(if (bytes.isDirect) bytes.slice() else ByteBuffer.allocateDirect(0))
    return Memory(size.toLong()).use { memory ->
        val copy = memory.getByteBuffer(0, size.toLong())
        copy.duplicate().put(bytes.duplicate())
        use(copy)
    }
}

private fun unsigned(value: Int, name: String): UInt {
    if (value < 0) throw refusal("$name is $value: give a number that is not negative")
    return value.toUInt()
}

private fun refusal(text: String) = SegmenterException(SegmenterException.Code.INPUT, text)
