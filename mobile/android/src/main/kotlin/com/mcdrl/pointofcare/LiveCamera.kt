package com.mcdrl.pointofcare

import android.annotation.SuppressLint
import android.app.Activity
import android.graphics.ImageFormat
import android.graphics.Matrix
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.display.DisplayManager
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.os.Looper
import android.util.Size
import android.view.Surface
import android.view.TextureView
import com.mcdrl.Frame
import com.mcdrl.PixelFormat
import com.mcdrl.Plane
import com.mcdrl.VideoFrame
import kotlinx.coroutines.channels.ProducerScope
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow

/** The back camera, or the only camera, as a flow of frames. Its preview is shown in a view. */
class LiveCamera(private val activity: Activity, private val preview: TextureView) {
    private val manager = activity.getSystemService(CameraManager::class.java)
    private val displays = activity.getSystemService(DisplayManager::class.java)

    /** Frames, while they are collected. */
    fun frames(): Flow<VideoFrame> = callbackFlow {
        val thread = HandlerThread("camera").apply { start() }
        val handler = Handler(thread.looper)
        val camera = try {
            Camera(this, handler)
        } catch (error: Exception) {
            thread.quitSafely()
            throw error
        }
        if (preview.isAvailable) camera.open() else preview.surfaceTextureListener = camera
        displays.registerDisplayListener(camera, Handler(Looper.getMainLooper()))
        awaitClose {
            displays.unregisterDisplayListener(camera)
            preview.surfaceTextureListener = null
            // On the camera's own thread, after the current frame.
            handler.post {
                camera.close()
                thread.quitSafely()
            }
        }
    }

    private inner class Camera(
        private val frames: ProducerScope<VideoFrame>,
        private val handler: Handler,
    ) : CameraDevice.StateCallback(), TextureView.SurfaceTextureListener, DisplayManager.DisplayListener {
        private val id = backCamera()
        private val about = manager.getCameraCharacteristics(id)
        private val size = closest(about, LONGEST)
        private val reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2)
        private var device: CameraDevice? = null
        private var closed = false

        @SuppressLint("MissingPermission") // The activity asks for the permission first.
        fun open() {
            preview.surfaceTexture?.setDefaultBufferSize(size.width, size.height)
            preview.setTransform(fitted())
            reader.setOnImageAvailableListener({ reader ->
                reader.acquireLatestImage()?.use { image ->
                    frames.trySend(VideoFrame(frameOf(image, placement()), image.timestamp / 1_000_000))
                }
            }, handler)
            runCatching { manager.openCamera(id, this, handler) }.onFailure { frames.close(it) }
        }

        override fun onOpened(device: CameraDevice) {
            if (closed) return device.close()
            this.device = device
            runCatching { capture(device) }.onFailure { frames.close(it) }
        }

        private fun capture(device: CameraDevice) {
            val shown = Surface(checkNotNull(preview.surfaceTexture) { "the preview was closed" })
            val request = device.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply {
                addTarget(shown)
                addTarget(reader.surface)
            }
            val callback = object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) {
                    runCatching { session.setRepeatingRequest(request.build(), null, handler) }.onFailure { frames.close(it) }
                }

                override fun onConfigureFailed(session: CameraCaptureSession) {
                    frames.close(IllegalStateException("the camera refuses ${size.width}×${size.height}"))
                }
            }
            @Suppress("DEPRECATION") // The newer call needs API level 28.
            device.createCaptureSession(listOf(shown, reader.surface), callback, handler)
        }

        override fun onDisconnected(device: CameraDevice) {
            device.close()
            frames.close(IllegalStateException("another app has taken the camera"))
        }

        override fun onError(device: CameraDevice, error: Int) {
            device.close()
            frames.close(IllegalStateException("the camera reports error $error"))
        }

        fun close() {
            closed = true
            device?.close()
            reader.close()
        }

        private fun placement(): CameraPlacement {
            @Suppress("DEPRECATION") // The newer call needs API level 30.
            val screen = 90 * activity.windowManager.defaultDisplay.rotation
            val front = about[CameraCharacteristics.LENS_FACING] == CameraCharacteristics.LENS_FACING_FRONT
            return CameraPlacement(about[CameraCharacteristics.SENSOR_ORIENTATION] ?: 0, screen, front)
        }

        override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) = open()

        override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) =
            preview.setTransform(fitted())

        private fun fitted(): Matrix {
            val fit = placement().fit(size.width, size.height, preview.width, preview.height)
            val (x, y) = preview.width / 2f to preview.height / 2f
            return Matrix().apply {
                postScale(fit.x, fit.y, x, y)
                postRotate(fit.turn.toFloat(), x, y)
            }
        }

        /** A half turn keeps the screen's size, so Android does not restart the activity. */
        override fun onDisplayChanged(display: Int) = preview.setTransform(fitted())

        override fun onDisplayAdded(display: Int) = Unit

        override fun onDisplayRemoved(display: Int) = Unit

        override fun onSurfaceTextureDestroyed(texture: SurfaceTexture): Boolean = true

        override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit
    }

    private fun backCamera(): String {
        val ids = manager.cameraIdList
        return ids.find {
            manager.getCameraCharacteristics(it)[CameraCharacteristics.LENS_FACING] == CameraCharacteristics.LENS_FACING_BACK
        } ?: ids.firstOrNull() ?: throw IllegalStateException("this device has no camera")
    }

    companion object {
        /** The longest side in pixels. The model sees fewer pixels than this. */
        private const val LONGEST = 640

        private fun closest(about: CameraCharacteristics, longest: Int): Size {
            val sizes = about[CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP]
                ?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty()
            return sizes.filter { it.width <= longest }.maxByOrNull { it.width * it.height }
                ?: sizes.minByOrNull { it.width * it.height }
                ?: throw IllegalStateException("the camera gives no YUV frames")
        }

        /** Converts a camera image to a frame. */
        fun frameOf(image: Image, placement: CameraPlacement): Frame {
            val planes = image.planes.map { plane ->
                val bytes = ByteArray(plane.buffer.remaining())
                plane.buffer.get(bytes)
                Plane(bytes, plane.rowStride, plane.pixelStride)
            }
            val whole = Frame(image.width, image.height, PixelFormat.YUV420, planes, placement.rotation, mirrored = placement.front)
            // What lies outside of the rectangle is no picture.
            return with(image.cropRect) { whole.cropped(left, top, width(), height()) }
        }
    }
}
