package com.mcdrl.pointofcare

import android.graphics.Bitmap
import android.graphics.Color
import com.mcdrl.Segmentation
import java.io.OutputStream

/** Writes a mask as a PNG: red, green and blue of every pixel are its class, 0 for background. */
fun writeMask(result: Segmentation, file: OutputStream) {
    val colours = IntArray(result.categoryMask.size) {
        val value = result.categoryMask[it].toInt()
        Color.rgb(value, value, value)
    }
    val bitmap = Bitmap.createBitmap(colours, result.width, result.height, Bitmap.Config.ARGB_8888)
    check(bitmap.compress(Bitmap.CompressFormat.PNG, 100, file)) { "the mask cannot be encoded" }
}
