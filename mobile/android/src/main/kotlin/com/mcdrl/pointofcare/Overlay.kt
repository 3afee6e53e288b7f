package com.mcdrl.pointofcare

/** Colours that are told apart with any kind of colour vision, the same as the command's and the browser app's. */
object Colours {
    private val CLASSES = intArrayOf(0x00c896, 0xf0e442, 0x56b4e9, 0xe678dc, 0xff9628, 0xffffff)

    /** The opaque colour of mask value [index], from one. */
    fun ofClass(index: Int): Int = CLASSES[(index - 1) % CLASSES.size] or (0xff shl 24)
}

/** Share of the overlay's opacity that a lesion's inside has beside its outline. */
private const val INSIDE = 0.45

/** A mask as pixels to lay over its picture: ARGB, row-major; lesions filled and outlined, the rest clear. */
fun overlay(mask: ByteArray, width: Int, height: Int): IntArray {
    require(mask.size == width * height) { "a $width×$height mask has ${width * height} values, not ${mask.size}" }
    // As thick in a large picture as in a small one.
    val thickness = maxOf(1, minOf(width, height) / 160)
    val pixels = IntArray(mask.size)
    for (y in 0 until height) {
        for (x in 0 until width) {
            val value = mask[y * width + x]
            if (value == 0.toByte()) continue
            val edge = x < thickness || x >= width - thickness || y < thickness || y >= height - thickness ||
                mask[y * width + x - thickness] != value || mask[y * width + x + thickness] != value ||
                mask[(y - thickness) * width + x] != value || mask[(y + thickness) * width + x] != value
            val colour = Colours.ofClass(value.toInt())
            pixels[y * width + x] = if (edge) colour else colour and 0xffffff or ((255 * INSIDE).toInt() shl 24)
        }
    }
    return pixels
}
