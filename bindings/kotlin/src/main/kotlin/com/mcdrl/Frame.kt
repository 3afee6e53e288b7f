package com.mcdrl

import com.mcdrl.ffi.Frame as NativeFrame
import com.mcdrl.ffi.PixelFormat as NativeFormat
import com.mcdrl.ffi.Plane as NativePlane

/** How the pixels of a [Frame] lie in memory, 8 bits a channel. */
public enum class PixelFormat(internal val native: NativeFormat) {
    /** Red, green, blue; one plane. */
    RGB(NativeFormat.RGB),

    /** Red, green, blue, alpha, which is dropped; one plane. */
    RGBA(NativeFormat.RGBA),

    /** Blue, green, red, alpha, which is dropped; one plane. */
    BGRA(NativeFormat.BGRA),

    /** YUV 4:2:0, BT.601, 0..255, as Android's `YUV_420_888`; planes Y, Cb, Cr. */
    YUV420(NativeFormat.YUV420_BT601_FULL),

    /** YUV 4:2:0, BT.601, brightness 16..235; planes Y, Cb, Cr. */
    YUV420_VIDEO(NativeFormat.YUV420_BT601_VIDEO),

    /** YUV 4:2:0, BT.709, 0..255; planes Y, Cb, Cr. */
    YUV420_BT709(NativeFormat.YUV420_BT709_FULL),

    /** YUV 4:2:0, BT.709, brightness 16..235; planes Y, Cb, Cr. */
    YUV420_BT709_VIDEO(NativeFormat.YUV420_BT709_VIDEO),
}

/** One plane of a [Frame]. */
public class Plane(
    /** The plane's bytes. The last row may end with its last pixel instead of its stride. */
    public val bytes: ByteArray,
    /** Bytes from one row to the next. */
    public val rowStride: Int,
    /** Bytes from one pixel to the next: 2 for the interleaved colours of NV12 and NV21. */
    public val pixelStride: Int,
)

/** A frame of a camera or of any program's own memory. */
public class Frame(
    /** Width in pixels, as it lies in memory. */
    public val width: Int,
    /** Height in pixels, as it lies in memory. */
    public val height: Int,
    /** How the pixels lie. */
    public val format: PixelFormat,
    /** As many planes as the format has. */
    public val planes: List<Plane>,
    /** By how many degrees it must be turned clockwise to be upright: 0, 90, 180 or 270. */
    public val rotation: Int = 0,
    /** Whether it must be mirrored left to right once upright (front cameras). */
    public val mirrored: Boolean = false,
) {
    internal fun toNative(): NativeFrame = NativeFrame(
        unsigned(width, "the width"),
        unsigned(height, "the height"),
        format.native,
        planes.map {
            NativePlane(it.bytes, unsigned(it.rowStride, "a row stride"), unsigned(it.pixelStride, "a pixel stride"))
        },
        unsigned(rotation, "the rotation"),
        mirrored,
    )

    public companion object {
        /** Pixels as Android's bitmaps and most programs have them: RGBA, row after row. */
        @JvmStatic
        public fun rgba(bytes: ByteArray, width: Int, height: Int): Frame =
            Frame(width, height, PixelFormat.RGBA, listOf(Plane(bytes, 4 * width, 4)))
    }
}

private fun unsigned(value: Int, name: String): UInt {
    if (value < 0) {
        val text = "$name is $value: give a number that is not negative"
        throw SegmenterException(SegmenterException.Code.INPUT, text)
    }
    return value.toUInt()
}
