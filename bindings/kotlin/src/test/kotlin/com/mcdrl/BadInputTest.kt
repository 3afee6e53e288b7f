package com.mcdrl

import java.io.File
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking
import org.json.JSONObject

class BadInputTest {
    private inline fun refused(entry: JSONObject, work: () -> Unit) {
        val error = assertFailsWith<SegmenterException>(entry.getString("name")) { work() }
        assertEquals(entry.getString("error"), Lab.kind(error), "${entry.getString("name")}: $error")
        assertTrue(error.message!!.length > 10, "${entry.getString("name")}: ${error.message}")
    }

    @Test
    fun `bad images give the listed errors`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            for (bad in Lab.badInputs.getJSONArray("images").objects()) {
                val file = if (bad.has("sample")) Lab.sample(bad.getString("sample")) else Lab.bytes(bad)
                val kept = if (bad.has("keep")) file.copyOf((file.size * bad.getDouble("keep")).toInt()) else file
                refused(bad) { segmenter.segment(kept) }
            }
            assertEquals(256 * 256, segmenter.segment(Lab.sample("site-b", "00000")).categoryMask.size)
        }
    }

    @Test
    fun `bad frames give the listed errors`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            for (bad in Lab.badInputs.getJSONArray("frames").objects()) {
                refused(bad) {
                    val planes = bad.getJSONArray("planes").objects().map {
                        // A number that is too large for Int becomes negative and is refused too.
                        Plane(ByteArray(it.getInt("length")), it.getLong("row_stride").toInt(), it.getLong("pixel_stride").toInt())
                    }
                    val format = if (bad.getString("format") == "rgb") PixelFormat.RGB else PixelFormat.YUV420
                    val (width, height) = bad.getInt("width") to bad.getInt("height")
                    segmenter.segment(Frame(width, height, format, planes, bad.getInt("rotation")))
                }
            }
        }
    }

    @Test
    fun `bad models give the listed errors`() = runBlocking<Unit> {
        val good = Lab.model.readBytes()
        for (bad in Lab.badInputs.getJSONArray("models").objects()) {
            refused(bad) {
                val options = when {
                    bad.has("path") -> ImageSegmenterOptions(File(bad.getString("path")), Device.CPU)
                    bad.has("base64") -> ImageSegmenterOptions(Lab.bytes(bad), Device.CPU)
                    bad.has("keep") ->
                        ImageSegmenterOptions(good.copyOf((good.size * bad.getDouble("keep")).toInt()), Device.CPU)
                    bad.has("flip") -> {
                        val at = (good.size * bad.getDouble("flip")).toInt()
                        val flipped = good.copyOf().also { it[at] = (it[at].toInt() xor 0x10).toByte() }
                        ImageSegmenterOptions(flipped, Device.CPU)
                    }
                    else -> {
                        val text = String(good, Charsets.ISO_8859_1)
                        val edited = text.replaceFirst(bad.getString("find"), bad.getString("replace"))
                        ImageSegmenterOptions(edited.toByteArray(Charsets.ISO_8859_1), Device.CPU)
                    }
                }
                ImageSegmenter.createFromOptions(options)
            }
        }
    }

    @Test
    fun `bad options give the listed errors`() = runBlocking<Unit> {
        for (bad in Lab.badInputs.getJSONArray("options").objects()) {
            refused(bad) {
                ImageSegmenter.createFromOptions(ImageSegmenterOptions(Lab.model, threads = bad.getInt("threads")))
            }
        }
    }
}
