package com.mcdrl.pointofcare

import com.mcdrl.classColor

/** The opacity of a lesion's inside. Its outline is opaque. */
private const val INSIDE = 0.45

/** The opaque ARGB colour of mask value [value]. */
fun opaqueColor(value: Int): Int = classColor(value) or (0xff shl 24)

/** Draws a mask as ARGB pixels, row-major. Lesions are filled and outlined; the background is transparent. */
fun overlay(mask: ByteArray, width: Int, height: Int): IntArray {
    require(mask.size == width * height) { "a $width×$height mask has ${width * height} values, not ${mask.size}" }
    // The outline looks equally thick in large and small pictures.
    val thickness = maxOf(1, minOf(width, height) / 160)
    val pixels = IntArray(mask.size)
    for (y in 0 until height) {
        for (x in 0 until width) {
            val value = mask[y * width + x]
            if (value == 0.toByte()) continue
            val edge = x < thickness || x >= width - thickness || y < thickness || y >= height - thickness ||
                mask[y * width + x - thickness] != value || mask[y * width + x + thickness] != value ||
                mask[(y - thickness) * width + x] != value || mask[(y + thickness) * width + x] != value
            val color = opaqueColor(value.toInt())
            pixels[y * width + x] = if (edge) color else color and 0xffffff or ((255 * INSIDE).toInt() shl 24)
        }
    }
    return pixels
}
