package com.mcdrl

import java.io.File
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

    fun bytes(entry: JSONObject): ByteArray = Base64.getDecoder().decode(entry.getString("base64"))

    /** The code of an error, as in the list of bad inputs. */
    fun kind(error: SegmenterException): String = error.code.name.lowercase().replace('_', '-')
}

fun JSONArray.objects(): List<JSONObject> = (0 until length()).map(::getJSONObject)
