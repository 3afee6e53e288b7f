package com.mcdrl.pointofcare

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.provider.DocumentsContract
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.SeekBar
import android.widget.TextView
import android.widget.Toast

/** Shows a picture, the lesions in it and its disturbances. */
class MainActivity : Activity() {
    private val session get() = (application as PointOfCare).session
    /** A stored function, because each use of `::show` makes another object. */
    private val hear: (State) -> Unit = ::show
    private val stage by lazy { findViewById<StageView>(R.id.stage) }

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        setContentView(R.layout.main)
        button(R.id.open) {
            if (session.state is State.NoModel) session.start() else choosePicture()
        }
        button(R.id.camera) { startActivity(Intent(this, CameraActivity::class.java)) }
        button(R.id.save) { chooseWhereToSave() }
        button(R.id.share) { share() }
        findViewById<SeekBar>(R.id.opacity).onChange { stage.opacity = it }
        if (saved == null && intent.action == Intent.ACTION_SEND) sharedPicture()?.let(::open)
    }

    override fun onStart() {
        super.onStart()
        session.listener = hear
        session.start()
        show(session.state)
    }

    override fun onStop() {
        // Another instance of this screen may have started already.
        if (session.listener === hear) session.listener = null
        super.onStop()
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val place = data?.data?.takeIf { result == RESULT_OK } ?: return
        when (request) {
            OPEN -> open(place)
            SAVE -> save(place)
        }
    }

    private fun button(id: Int, work: () -> Unit) = findViewById<Button>(id).setOnClickListener { work() }

    private fun choosePicture() {
        val choose = Intent(Intent.ACTION_OPEN_DOCUMENT).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*")
        startActivityForResult(choose, OPEN)
    }

    private fun open(place: Uri) {
        val resolver = applicationContext.contentResolver
        session.open { BitmapPicture.read(resolver, place) }
    }

    @Suppress("DEPRECATION") // The newer call needs API level 33.
    private fun sharedPicture(): Uri? =
        if (Build.VERSION.SDK_INT >= 33) intent.getParcelableExtra(Intent.EXTRA_STREAM, Uri::class.java)
        else intent.getParcelableExtra(Intent.EXTRA_STREAM)

    private fun chooseWhereToSave() {
        val choose = Intent(Intent.ACTION_CREATE_DOCUMENT)
            .addCategory(Intent.CATEGORY_OPENABLE)
            .setType("image/png")
            .putExtra(Intent.EXTRA_TITLE, "mask.png")
        startActivityForResult(choose, SAVE)
    }

    private fun save(place: Uri) {
        // There is no result if the system ended the process while the picker was open. The picker has created the file already.
        val result = (session.state as? State.Shown)?.result
        val saved = result != null &&
            runCatching { contentResolver.openOutputStream(place, "wt")!!.use { writeMask(result, it) } }.isSuccess
        if (!saved && (result != null || isEmpty(place))) {
            runCatching { DocumentsContract.deleteDocument(contentResolver, place) }
        }
        say(if (saved) R.string.saved else R.string.not_saved)
    }

    private fun isEmpty(place: Uri) =
        runCatching { contentResolver.openInputStream(place)!!.use { it.read() < 0 } }.getOrDefault(false)

    private fun share() {
        val result = (session.state as? State.Shown)?.result ?: return
        val place = runCatching { SharedMask.put(this, result) }.getOrElse { return say(R.string.not_saved) }
        val send = Intent(Intent.ACTION_SEND)
            .setType("image/png")
            .putExtra(Intent.EXTRA_STREAM, place)
            .addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
        startActivity(Intent.createChooser(send, getString(R.string.share)))
    }

    private fun say(words: Int) = Toast.makeText(this, words, Toast.LENGTH_SHORT).show()

    private fun show(state: State) {
        val result = (state as? State.Shown)?.result
        val picture = when (state) {
            is State.Shown -> state.picture
            is State.Working -> state.picture
            else -> null
        }
        stage.show((picture as? BitmapPicture)?.bitmap, result)
        visible(R.id.busy, state is State.Loading || state is State.Working)
        visible(R.id.results, result != null)
        findViewById<Button>(R.id.open).setText(if (state is State.NoModel) R.string.retry else R.string.open)
        findViewById<View>(R.id.camera).isEnabled = session.segmenter != null
        findViewById<TextView>(R.id.message).text = when (state) {
            is State.Loading -> getString(R.string.loading)
            is State.NoModel -> getString(R.string.model_failed, state.reason)
            is State.Ready -> getString(R.string.empty)
            is State.Working -> getString(R.string.working)
            is State.Shown -> ""
            is State.NoPicture -> state.reason?.let { getString(R.string.picture_failed, it) } ?: getString(R.string.unreadable)
        }
        showHint(result?.let { QualityHint.of(it.confounders) })
        if (result == null) return
        findViewById<LinearLayout>(R.id.findings).showFindings(result)
        findViewById<LinearLayout>(R.id.presences).showPresences(result.confounders)
        showDisturbances(result.disturbances)
        showUnfamiliar(result.unfamiliar)
        stage.contentDescription = spoken(result)
    }

    companion object {
        /** The request codes of this screen. */
        const val OPEN = 1
        const val SAVE = 2
    }
}
