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
import java.util.UUID

/** Gives a mask to the app that it is shared with. Each mask has its own address. Sharing the next mask deletes the last one. */
class SharedMask : ContentProvider() {
    override fun onCreate(): Boolean = true

    override fun getType(uri: Uri): String = "image/png"

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor =
        ParcelFileDescriptor.open(file(context!!, uri), ParcelFileDescriptor.MODE_READ_ONLY)

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): MatrixCursor {
        val file = file(context!!, uri)
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        return MatrixCursor(columns).apply { addRow(arrayOf(file.name, file.length())) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?): Int = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?): Int = 0

    companion object {
        private fun folder(context: Context) = File(context.cacheDir, "masks").apply { mkdirs() }

        private fun file(context: Context, uri: Uri): File {
            // Only the file name is used, so a path cannot leave the folder.
            val name = File(uri.lastPathSegment.orEmpty()).name
            return File(folder(context), name)
        }

        /** Writes a mask that can be shared, and deletes the last one. */
        fun put(context: Context, result: Segmentation): Uri {
            folder(context).listFiles()?.forEach { it.delete() }
            val file = File(folder(context), "mask-${UUID.randomUUID()}.png")
            file.outputStream().use { writeMask(result, it) }
            return Uri.parse("content://com.mcdrl.pointofcare.mask/${file.name}")
        }
    }
}
