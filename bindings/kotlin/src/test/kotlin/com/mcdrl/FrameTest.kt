package com.mcdrl

import java.nio.ByteBuffer
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlinx.coroutines.runBlocking

/** Every memory layout of a picture gives the same result. */
class FrameTest {
    private val width = 48
    private val height = 36

    /** A frame's memory layout. */
    private data class Layout(val rotation: Int, val mirrored: Boolean, val padding: Int, val direct: Boolean) {
        fun width(upright: Int, other: Int) = if (rotation % 180 == 0) upright else other

        /** The column and row in memory of the pixel at `x`, `y` of an upright picture of this size. */
        fun place(x: Int, y: Int, width: Int, height: Int): Pair<Int, Int> {
            val across = if (mirrored) width - 1 - x else x
            return when (rotation) {
                0 -> across to y
                90 -> y to width - 1 - across
                180 -> width - 1 - across to height - 1 - y
                else -> height - 1 - y to across
            }
        }
    }

    private val plain = Layout(0, mirrored = false, padding = 0, direct = false)
    private val layouts = listOf(0, 90, 180, 270).flatMap { rotation ->
        listOf(false, true).map { Layout(rotation, it, padding = 13, direct = it) }
    }

    /** A buffer of the layout's kind, filled by `write`. */
    private fun memory(layout: Layout, size: Int, write: (ByteArray) -> Unit): ByteBuffer {
        val bytes = ByteArray(size).also(write)
        if (!layout.direct) return ByteBuffer.wrap(bytes)
        // A camera's plane may start in the middle of its buffer.
        return ByteBuffer.allocateDirect(size + 5).apply { position(5) }.put(bytes).apply { position(5) }
    }

    private fun interleaved(format: PixelFormat, layout: Layout): Frame {
        val channels = if (format == PixelFormat.RGB) 3 else 4
        val order = if (format == PixelFormat.BGRA) listOf(2, 1, 0) else listOf(0, 1, 2)
        val (w, h) = layout.width(width, height) to layout.width(height, width)
        val stride = w * channels + layout.padding
        val bytes = memory(layout, stride * h) { bytes ->
            for (y in 0 until height) for (x in 0 until width) {
                val (column, row) = layout.place(x, y, width, height)
                val colors = listOf(x * 5 + y * 3, x * 2 + y * 7, x * 11 + y)
                order.forEachIndexed { at, channel -> bytes[row * stride + column * channels + at] = colors[channel].toByte() }
            }
        }
        return Frame(w, h, format, listOf(Plane(bytes, stride, channels)), layout.rotation, layout.mirrored)
    }

    /** I420 has separate Cb and Cr planes. NV12 interleaves them with Cb first, NV21 with Cr first. */
    private fun yuv(layout: Layout, interleaved: Boolean, crFirst: Boolean = false): Frame {
        val (w, h) = layout.width(width, height) to layout.width(height, width)
        fun plane(w: Int, h: Int, upright: Pair<Int, Int>, step: Int, write: (ByteArray, Int, Int, Int) -> Unit): Pair<ByteBuffer, Int> {
            val stride = w * step + layout.padding
            return memory(layout, stride * h) { bytes ->
                for (y in 0 until upright.second) for (x in 0 until upright.first) {
                    val (column, row) = layout.place(x, y, upright.first, upright.second)
                    write(bytes, row * stride + column * step, x, y)
                }
            } to stride
        }
        val half = width / 2 to height / 2
        val (y, stride) = plane(w, h, width to height, 1) { bytes, at, x, y -> bytes[at] = (x * 5 + y * 3).toByte() }
        fun cb(x: Int, y: Int) = (x * 9 + y * 4).toByte()
        fun cr(x: Int, y: Int) = (x * 3 + y * 13).toByte()
        val colors = if (interleaved) {
            val (both, colorStride) = plane(w / 2, h / 2, half, 2) { bytes, at, x, y ->
                bytes[if (crFirst) at + 1 else at] = cb(x, y)
                bytes[if (crFirst) at else at + 1] = cr(x, y)
            }
            val second = both.duplicate().apply { position(position() + 1) }
            listOf(both, second).let { if (crFirst) it.reversed() else it }.map { Plane(it, colorStride, 2) }
        } else {
            listOf(::cb, ::cr).map { value ->
                val (bytes, colorStride) = plane(w / 2, h / 2, half, 1) { bytes, at, x, y -> bytes[at] = value(x, y) }
                Plane(bytes, colorStride, 1)
            }
        }
        return Frame(w, h, PixelFormat.YUV420, listOf(Plane(y, stride, 1)) + colors, layout.rotation, layout.mirrored)
    }

    @Test
    fun `pixels of every order, stride and orientation give the same result`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            suspend fun seen(frame: Frame) = segmenter.segment(frame).also { assertEquals(width to height, it.width to it.height) }
                .confidenceMasks[0]
            val expected = seen(interleaved(PixelFormat.RGB, plain))
            for (format in listOf(PixelFormat.RGB, PixelFormat.RGBA, PixelFormat.BGRA)) for (layout in layouts) {
                assertContentEquals(expected, seen(interleaved(format, layout)), "$format $layout")
            }
            // A wrong layout must give another result.
            val turned = interleaved(PixelFormat.RGB, layouts[1])
            val wrong = Frame(turned.width, turned.height, turned.format, turned.planes, turned.rotation, mirrored = false)
            assertFalse(expected.contentEquals(seen(wrong)))
        }
    }

    @Test
    fun `a crop rectangle gives the picture inside it`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            suspend fun seen(frame: Frame) = segmenter.segment(frame).confidenceMasks[0]
            val whole = interleaved(PixelFormat.RGB, plain)
            val (left, top) = 10 to 6
            val rows = whole.planes[0].bytes.duplicate()
            val inside = ByteArray(3 * 30 * 20) { at ->
                val (row, column) = at / 90 to at % 90
                rows.get(rows.position() + (top + row) * whole.planes[0].rowStride + 3 * left + column)
            }
            val expected = seen(Frame(30, 20, PixelFormat.RGB, listOf(Plane(inside, 90, 3))))
            assertContentEquals(expected, seen(whole.cropped(left, top, 30, 20)))
            val colors = yuv(plain, interleaved = true).cropped(left + 1, top, 29, 20)
            assertEquals(30 to 20, colors.width to colors.height)
            assertContentEquals(seen(yuv(plain, interleaved = false).cropped(left, top, 30, 20)), seen(colors))
            assertFailsWith<SegmenterException> { whole.cropped(left, top, width, 20) }
        }
    }

    @Test
    fun `colors of every order, stride and orientation give the same result`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            suspend fun seen(frame: Frame) = segmenter.segment(frame).confidenceMasks[0]
            val expected = seen(yuv(plain, interleaved = false))
            for (layout in layouts) {
                assertContentEquals(expected, seen(yuv(layout, interleaved = false)), "I420 $layout")
                assertContentEquals(expected, seen(yuv(layout, interleaved = true)), "NV12 $layout")
                assertContentEquals(expected, seen(yuv(layout, interleaved = true, crFirst = true)), "NV21 $layout")
            }
            val (y, cb, cr) = yuv(plain, interleaved = false).planes
            assertFalse(expected.contentEquals(seen(Frame(width, height, PixelFormat.YUV420, listOf(y, cr, cb)))))
        }
    }
}
