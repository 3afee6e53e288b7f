package com.mcdrl.pointofcare

import android.Manifest.permission.CAMERA
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager.PERMISSION_GRANTED
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.provider.Settings
import android.view.TextureView
import android.widget.Button
import android.widget.LinearLayout
import android.widget.SeekBar
import android.widget.TextView
import com.mcdrl.Segmentation
import java.util.concurrent.Executor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.catch
import kotlinx.coroutines.launch

/** The live camera picture with masks over it. */
class CameraActivity : Activity() {
    private val stage by lazy { findViewById<StageView>(R.id.stage) }
    private var live: CoroutineScope? = null

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        setContentView(R.layout.camera)
        findViewById<SeekBar>(R.id.opacity).onChange { stage.opacity = it }
        findViewById<Button>(R.id.allow).setOnClickListener { ask() }
        stage.setBackgroundColor(android.graphics.Color.TRANSPARENT)
        visible(R.id.hint, false)
        visible(R.id.unfamiliar, false)
        if (saved == null && !isAllowed()) requestPermissions(arrayOf(CAMERA), 1)
    }

    override fun onStart() {
        super.onStart()
        if (isAllowed()) start() else refuse(getString(R.string.camera_denied), allow = true)
    }

    override fun onStop() {
        live?.cancel()
        live = null
        super.onStop()
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        // There is no result when the dialog was interrupted.
        when (results.firstOrNull() ?: return) {
            PERMISSION_GRANTED -> start()
            else -> refuse(getString(R.string.camera_denied), allow = true)
        }
    }

    private fun isAllowed() = checkSelfPermission(CAMERA) == PERMISSION_GRANTED

    /** Asks again. Opens the settings when the system no longer asks. */
    private fun ask() {
        if (shouldShowRequestPermissionRationale(CAMERA)) return requestPermissions(arrayOf(CAMERA), 1)
        startActivity(Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null)))
    }

    private fun refuse(words: String, allow: Boolean) {
        findViewById<TextView>(R.id.message).text = words
        visible(R.id.allow, allow)
        visible(R.id.refusal, true)
        visible(R.id.preview, false)
    }

    private fun start() {
        if (live != null) return
        visible(R.id.refusal, false)
        visible(R.id.preview, true)
        val segmenter = (application as PointOfCare).session.segmenter ?: return finish()
        val handler = Handler(Looper.getMainLooper())
        val scope = CoroutineScope(SupervisorJob() + Executor { handler.post(it) }.asCoroutineDispatcher())
        live = scope
        val frames = LiveCamera(this, findViewById<TextureView>(R.id.preview)).frames()
        scope.launch {
            segmenter.segmentVideo(frames)
                .catch { refuse(getString(R.string.camera_none, it.message), allow = false) }
                .collect { it.segmentation.use(::show) }
        }
    }

    /** Shows the result of a frame. */
    fun show(result: Segmentation) {
        stage.show(null, result)
        stage.contentDescription = spoken(result)
        findViewById<LinearLayout>(R.id.findings).showFindings(result)
        showDisturbances(result.disturbances)
        showUnfamiliar(result.unfamiliar)
        showHint(QualityHint.of(result.confounders))
    }
}
