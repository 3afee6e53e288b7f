package com.mcdrl.pointofcare

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.database.MatrixCursor
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import com.mcdrl.Segmentation
import java.io.File

/** Hands the last mask to the app that it is shared with, and to no other. */
class SharedMask : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = "image/png"

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor =
        ParcelFileDescriptor.open(file(context!!), ParcelFileDescriptor.MODE_READ_ONLY)

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): MatrixCursor {
        val file = file(context!!)
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        return MatrixCursor(columns).apply { addRow(arrayOf(file.name, file.length())) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    companion object {
        private fun file(context: Context) = File(context.cacheDir, "mask.png")

        /** Puts a mask where it can be shared from. */
        fun put(context: Context, result: Segmentation): Uri {
            val aside = File(context.cacheDir, "mask.part")
            aside.outputStream().use { writeMask(result, it) }
            check(aside.renameTo(file(context))) { "the mask cannot be put into ${context.cacheDir}" }
            return Uri.parse("content://com.mcdrl.pointofcare.mask/mask.png")
        }
    }
}
