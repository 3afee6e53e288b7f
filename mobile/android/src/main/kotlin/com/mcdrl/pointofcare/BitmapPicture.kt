package com.mcdrl.pointofcare

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import com.mcdrl.Frame
import com.mcdrl.PixelFormat
import com.mcdrl.Plane

/** An upright Android bitmap. */
class BitmapPicture(val bitmap: Bitmap) : Picture {
    override fun frame(): Frame {
        // The order of the channels in a bitmap's memory differs between systems. `getPixels` always gives ARGB.
        val colors = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(colors, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val bytes = ByteArray(3 * colors.size)
        colors.forEachIndexed { index, color ->
            bytes[3 * index] = (color shr 16).toByte()
            bytes[3 * index + 1] = (color shr 8).toByte()
            bytes[3 * index + 2] = color.toByte()
        }
        return Frame(bitmap.width, bitmap.height, PixelFormat.RGB, listOf(Plane(bytes, 3 * bitmap.width, 3)))
    }

    companion object {
        /** The longest side in pixels. A larger picture needs more memory and gives no better mask. */
        private const val LONGEST = 2048

        /** Reads a picture and turns it upright; `null` if the file is not a picture. */
        fun read(resolver: ContentResolver, place: Uri): BitmapPicture? {
            val file = resolver.openInputStream(place)?.use { it.readBytes() } ?: return null
            val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
            BitmapFactory.decodeByteArray(file, 0, file.size, size)
            val options = BitmapFactory.Options().apply {
                inPreferredConfig = Bitmap.Config.ARGB_8888
                inSampleSize = 1
                while (maxOf(size.outWidth, size.outHeight) / inSampleSize > LONGEST) inSampleSize *= 2
            }
            val lying = BitmapFactory.decodeByteArray(file, 0, file.size, options) ?: return null
            return BitmapPicture(upright(lying, file))
        }

        private fun upright(lying: Bitmap, file: ByteArray): Bitmap {
            val orientation = runCatching {
                ExifInterface(file.inputStream())
                    .getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
            }.getOrDefault(ExifInterface.ORIENTATION_NORMAL)
            // First turned, then mirrored.
            val (degrees, mirrored) = when (orientation) {
                ExifInterface.ORIENTATION_FLIP_HORIZONTAL -> 0f to true
                ExifInterface.ORIENTATION_ROTATE_180 -> 180f to false
                ExifInterface.ORIENTATION_FLIP_VERTICAL -> 180f to true
                ExifInterface.ORIENTATION_TRANSPOSE -> 90f to true
                ExifInterface.ORIENTATION_ROTATE_90 -> 90f to false
                ExifInterface.ORIENTATION_TRANSVERSE -> 270f to true
                ExifInterface.ORIENTATION_ROTATE_270 -> 270f to false
                else -> return lying
            }
            val turn = Matrix().apply {
                postRotate(degrees)
                if (mirrored) postScale(-1f, 1f)
            }
            return Bitmap.createBitmap(lying, 0, 0, lying.width, lying.height, turn, false)
        }
    }
}
