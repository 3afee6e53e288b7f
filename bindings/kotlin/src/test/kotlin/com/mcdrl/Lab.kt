package com.mcdrl

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import org.json.JSONArray
import org.json.JSONObject

/** The repository's model, samples, answers and bad inputs. */
object Lab {
    private val root = File("../..").canonicalFile
    private val assets = File(root, "crates/mcdrl/assets")
    val model = File(assets, "demo.safetensors")
    val answers = JSONObject(File(root, "tests/conformance/answers.json").readText())
    val badInputs = JSONObject(File(root, "tests/conformance/bad_inputs.json").readText())

    suspend fun open(): ImageSegmenter = ImageSegmenter.createFromOptions(ImageSegmenterOptions(model, Device.CPU))

    /** Opens a model that sees 224² pixels. `cargo xtask bindings` writes it. */
    suspend fun openAt224(threads: Int? = null): ImageSegmenter {
        val file = checkNotNull(System.getenv("MCDRL_MODEL_224")) { "set MCDRL_MODEL_224 to a file of the example model_224" }
        return ImageSegmenter.createFromOptions(ImageSegmenterOptions(File(file), Device.CPU, threads))
    }

    fun sample(path: String): ByteArray = File(assets, "samples/$path").readBytes()

    fun sample(site: String, name: String): ByteArray = sample("$site/images/$name.png")

    /** The classes of a stored mask. */
    fun classes(mask: JSONObject): ByteArray {
        val classes = ByteArray(mask.getInt("width") * mask.getInt("height"))
        val numbers = mask.getString("runs").split(' ').map(String::toInt)
        var at = 0
        for ((value, length) in numbers.chunked(2).map { it[0] to it[1] }) {
            classes.fill(value.toByte(), at, at + length)
            at += length
        }
        return classes
    }

    /**
     * A DICOM file without a meta group. It shows a wall with a bump on 160 × 120 of 320 × 240 pixels, from 120, 80 on. A pixel is half a
     * millimetre wide.
     */
    fun dicom(): ByteArray {
        val (width, height) = 320 to 240
        val pixels = ByteArray(3 * width * height)
        for (y in 0 until 120) for (x in 0 until 160) {
            val bump = maxOf(0, 90 - ((x - 90) * (x - 90) + (y - 60) * (y - 60)) / 8)
            val shade = 170 + (x * 7 + y * 13) % 5 - ((x - 80) * (x - 80) + (y - 60) * (y - 60)) / 120
            val at = 3 * ((80 + y) * width + 120 + x)
            listOf(shade + bump / 2, shade / 2 + bump / 3 - 10, shade / 3 + bump / 3)
                .forEachIndexed { channel, value -> pixels[at + channel] = value.coerceIn(0, 255).toByte() }
        }
        fun element(group: Int, element: Int, vr: String, value: ByteArray): ByteArray {
            val isLong = vr == "OW"
            val head = ByteBuffer.allocate(if (isLong) 12 else 8).order(ByteOrder.LITTLE_ENDIAN)
            head.putShort(group.toShort()).putShort(element.toShort()).put(vr.toByteArray())
            if (isLong) head.putShort(0).putInt(value.size) else head.putShort(value.size.toShort())
            return head.array() + value
        }
        fun number(element: Int, value: Int) = element(0x28, element, "US", byteArrayOf(value.toByte(), (value shr 8).toByte()))
        return listOf(
            element(0x08, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.77.1.1".toByteArray()),
            number(0x02, 3),
            element(0x28, 0x04, "CS", "RGB ".toByteArray()),
            number(0x06, 0),
            number(0x10, height),
            number(0x11, width),
            element(0x28, 0x30, "DS", "0.5\\0.5 ".toByteArray()),
            number(0x100, 8),
            number(0x101, 8),
            number(0x102, 7),
            number(0x103, 0),
            element(0x7fe0, 0x10, "OW", pixels),
        ).reduce(ByteArray::plus)
    }

    fun bytes(entry: JSONObject): ByteArray = Base64.getDecoder().decode(entry.getString("base64"))

    /** The code of an error, as in the list of bad inputs. */
    fun kind(error: SegmenterException): String = error.code.name.lowercase().replace('_', '-')
}

fun JSONArray.objects(): List<JSONObject> = (0 until length()).map(::getJSONObject)
