package com.mcdrl.pointofcare

import android.graphics.Bitmap
import android.graphics.Color
import com.mcdrl.Segmentation
import java.io.OutputStream

/** Writes a mask as a PNG. Red, green and blue of each pixel are its class; 0 is background. */
fun writeMask(result: Segmentation, file: OutputStream) {
    val colors = IntArray(result.categoryMask.size) {
        val value = result.categoryMask[it].toInt()
        Color.rgb(value, value, value)
    }
    val bitmap = Bitmap.createBitmap(colors, result.width, result.height, Bitmap.Config.ARGB_8888)
    check(bitmap.compress(Bitmap.CompressFormat.PNG, 100, file)) { "the mask cannot be encoded" }
}
