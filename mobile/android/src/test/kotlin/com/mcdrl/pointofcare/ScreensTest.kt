package com.mcdrl.pointofcare

import android.Manifest.permission.CAMERA
import android.app.Activity
import android.content.ContentProvider
import android.content.ContentValues
import android.content.Intent
import android.content.pm.PackageManager
import android.database.Cursor
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.ImageFormat
import android.graphics.Rect
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraManager
import android.net.Uri
import android.os.Bundle
import android.os.Looper
import android.util.Size
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.SeekBar
import android.widget.TextView
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.io.OutputStream
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue
import org.json.JSONObject
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.robolectric.shadows.ShadowCameraCharacteristics
import org.robolectric.shadows.ShadowToast
import org.robolectric.shadows.StreamConfigurationMapBuilder

/** Runs the app's screens with Android's own code and the model on this machine's library. Saves screenshots. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = [34], qualifiers = "w411dp-h891dp-xhdpi")
class ScreensTest {
    private val app get() = RuntimeEnvironment.getApplication() as PointOfCare
    private val samples = File("../../crates/mcdrl/assets/samples")
    private val picture = Uri.parse("content://pictures/1")

    private fun <T : Activity> start(kind: Class<T>) = Robolectric.buildActivity(kind).setup()

    /** Runs the screen's thread until a condition holds. */
    private fun until(what: String, condition: () -> Boolean) {
        val end = System.currentTimeMillis() + 60_000
        while (!condition()) {
            shadowOf(Looper.getMainLooper()).idle()
            check(System.currentTimeMillis() < end) { "timeout after a minute: $what; the state is ${app.session.state}" }
            Thread.sleep(5)
        }
        shadowOf(Looper.getMainLooper()).idle()
    }

    private fun untilReady() = until("the model is ready") { app.session.state is State.Ready }

    private fun untilShown() = until("a mask is shown") { app.session.state is State.Shown }

    /** Chooses a file as the system's picker does. */
    private fun MainActivity.open(file: ByteArray) {
        findViewById<Button>(R.id.open).performClick()
        val chosen = shadowOf(this).nextStartedActivityForResult
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, chosen.intent.action)
        shadowOf(contentResolver).registerInputStream(picture, file.inputStream())
        shadowOf(this).receiveResult(chosen.intent, Activity.RESULT_OK, Intent().setData(picture))
    }

    private fun sample(path: String) = File(samples, path).readBytes()

    private fun Activity.words(id: Int) = findViewById<TextView>(id).text.toString()

    private fun Activity.isShown(id: Int) = findViewById<View>(id).visibility == View.VISIBLE

    private fun Activity.photograph(): Bitmap {
        val root = window.decorView
        shadowOf(Looper.getMainLooper()).idle()
        fun exactly(size: Int) = View.MeasureSpec.makeMeasureSpec(size, View.MeasureSpec.EXACTLY)
        root.measure(exactly(root.width), exactly(root.height))
        root.layout(0, 0, root.width, root.height)
        val bitmap = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        root.draw(Canvas(bitmap))
        return bitmap
    }

    private fun Activity.keep(name: String) {
        val folder = File(System.getProperty("mcdrl.screens")!!).apply { mkdirs() }
        File(folder, "$name.png").outputStream().use { photograph().compress(Bitmap.CompressFormat.PNG, 100, it) }
    }

    /** Compares a mask with the stored native mask. */
    private fun assertIsAnswer(site: String, name: String, mask: ByteArray) {
        val answers = JSONObject(File("../../tests/conformance/answers.json").readText())
        val images = answers.getJSONArray("images")
        val answer = (0 until images.length()).map(images::getJSONObject)
            .first { it.getString("site") == site && it.getString("name") == name }
        val runs = answer.getJSONObject("mask").getString("runs").split(' ').map(String::toInt).chunked(2)
        val stored = runs.flatMap { (value, length) -> List(length) { value.toByte() } }
        val tolerance = answers.getJSONObject("tolerance").getDouble("share_of_differing_pixels")
        assertEquals(stored.size, mask.size)
        assertTrue(stored.indices.count { stored[it] != mask[it] } <= tolerance * stored.size)
    }

    private fun views(root: View): List<View> =
        listOf(root) + if (root is ViewGroup) (0 until root.childCount).flatMap { views(root.getChildAt(it)) } else emptyList()

    @Test
    fun `a picture is opened, and its mask is shown and saved`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.keep("1-ready")
        activity.open(sample("site-b/images/00000.png"))
        untilShown()
        val shown = assertIs<State.Shown>(app.session.state)
        assertIsAnswer("site-b", "00000", shown.result.categoryMask)
        assertTrue(activity.isShown(R.id.results))
        val withMask = activity.photograph()
        activity.keep("2-mask")

        // The slider hides the mask and keeps the picture.
        val slider = activity.findViewById<SeekBar>(R.id.opacity)
        slider.progress = 0
        val without = activity.photograph()
        val stage = activity.findViewById<View>(R.id.stage)
        val place = IntArray(2).also(stage::getLocationInWindow)
        val changed = (0 until stage.height).sumOf { y ->
            (0 until stage.width).count { x ->
                withMask.getPixel(place[0] + x, place[1] + y) != without.getPixel(place[0] + x, place[1] + y)
            }
        }
        val lesion = shown.result.categoryMask.count { it != 0.toByte() }.toDouble() / shown.result.categoryMask.size
        val side = minOf(stage.width, stage.height)
        assertEquals(lesion, changed.toDouble() / (side * side), 0.02, "the mask covers the lesion")

        activity.findViewById<Button>(R.id.save).performClick()
        val saving = shadowOf(activity).nextStartedActivityForResult
        assertEquals(Intent.ACTION_CREATE_DOCUMENT, saving.intent.action)
        val file = ByteArrayOutputStream()
        val place2 = Uri.parse("content://documents/mask.png")
        shadowOf(activity.contentResolver).registerOutputStream(place2, file)
        shadowOf(activity).receiveResult(saving.intent, Activity.RESULT_OK, Intent().setData(place2))
        assertEquals(activity.getString(R.string.saved), ShadowToast.getTextOfLatestToast())
        val saved = BitmapFactory.decodeByteArray(file.toByteArray(), 0, file.size())
        assertEquals(shown.result.width to shown.result.height, saved.width to saved.height)
        for (y in 0 until saved.height step 3) for (x in 0 until saved.width step 3) {
            assertEquals(shown.result.categoryMask[y * saved.width + x].toInt(), Color.red(saved.getPixel(x, y)))
        }
    }

    /** The parts of the system's document provider that the app uses. */
    private class Documents : ContentProvider() {
        val deleted = mutableListOf<Uri?>()

        override fun call(method: String, argument: String?, extras: Bundle?): Bundle {
            if (method == "android:deleteDocument") deleted += extras?.getParcelable("uri", Uri::class.java)
            return Bundle()
        }

        override fun onCreate() = true

        override fun getType(uri: Uri): String? = null

        override fun query(uri: Uri, what: Array<String>?, where: String?, values: Array<String>?, order: String?): Cursor? = null

        override fun insert(uri: Uri, values: ContentValues?): Uri? = null

        override fun update(uri: Uri, values: ContentValues?, where: String?, arguments: Array<String>?) = 0

        override fun delete(uri: Uri, where: String?, arguments: Array<String>?) = 0
    }

    @Test
    fun `a mask that cannot be saved leaves no file and shows a message`() {
        val documents = Robolectric.setupContentProvider(Documents::class.java, "documents")
        val activity = start(MainActivity::class.java).get()
        untilReady()
        val place = Uri.parse("content://documents/mask.png")
        fun save() {
            activity.findViewById<Button>(R.id.save).performClick()
            val saving = shadowOf(activity).nextStartedActivityForResult
            shadowOf(activity).receiveResult(saving.intent, Activity.RESULT_OK, Intent().setData(place))
            assertEquals(activity.getString(R.string.not_saved), ShadowToast.getTextOfLatestToast())
        }
        // The system ended the process while the picker was open. The picker has created an empty file.
        shadowOf(activity.contentResolver).registerInputStream(place, ByteArray(0).inputStream())
        save()
        assertEquals(listOf<Uri?>(place), documents.deleted)
        // The app does not delete files with content.
        shadowOf(activity.contentResolver).registerInputStream(place, ByteArray(9).inputStream())
        save()
        assertEquals(1, documents.deleted.size)

        activity.open(sample("site-b/images/00000.png"))
        untilShown()
        val full = object : OutputStream() {
            override fun write(byte: Int) = throw IOException("no space is left")
        }
        shadowOf(activity.contentResolver).registerOutputStream(place, full)
        save()
        assertEquals(2, documents.deleted.size)
    }

    /** Adds an EXIF orientation to a JPEG file. */
    private fun withOrientation(jpeg: ByteArray, orientation: Int): ByteArray {
        val exif = "Exif\u0000\u0000II*\u0000\u0008\u0000\u0000\u0000\u0001\u0000".toByteArray(Charsets.ISO_8859_1) +
            byteArrayOf(0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation.toByte(), 0, 0, 0, 0, 0, 0, 0)
        val segment = byteArrayOf(-1, 0xe1.toByte(), 0, (exif.size + 2).toByte()) + exif
        return jpeg.copyOfRange(0, 2) + segment + jpeg.copyOfRange(2, jpeg.size)
    }

    @Test
    fun `pictures of every orientation are turned upright`() {
        val lying = Bitmap.createBitmap(48, 32, Bitmap.Config.ARGB_8888).apply { eraseColor(Color.BLACK) }
        for (y in 0 until 16) for (x in 0 until 24) lying.setPixel(x, y, Color.RED)
        val jpeg = ByteArrayOutputStream().also { lying.compress(Bitmap.CompressFormat.JPEG, 95, it) }.toByteArray()
        // The corner of the file's first pixel, for the EXIF orientations 1 to 8.
        val corners = listOf("top left", "top right", "bottom right", "bottom left").let { it + it }
        corners.forEachIndexed { index, corner ->
            val place = Uri.parse("content://pictures/turned-$index")
            shadowOf(app.contentResolver).registerInputStream(place, withOrientation(jpeg, index + 1).inputStream())
            val upright = BitmapPicture.read(app.contentResolver, place)!!.bitmap
            val (width, height) = upright.width to upright.height
            assertEquals(if (index < 4) 48 to 32 else 32 to 48, width to height, "orientation ${index + 1}")
            val places = mapOf(
                "top left" to (4 to 4),
                "top right" to (width - 5 to 4),
                "bottom right" to (width - 5 to height - 5),
                "bottom left" to (4 to height - 5),
            )
            val red = places.filterValues { (x, y) -> Color.red(upright.getPixel(x, y)) > 128 }.keys
            assertEquals(setOf(corner), red, "orientation ${index + 1}")
        }
    }

    @Test
    fun `a second screen shows its picture after the first screen stops`() {
        val first = start(MainActivity::class.java)
        untilReady()
        val second = start(MainActivity::class.java).get()
        second.open(sample("site-b/images/00000.png"))
        first.pause().stop()
        untilShown()
        assertTrue(second.isShown(R.id.results))
    }

    @Test
    fun `the mask is shared through the app's own provider`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.open(sample("site-b/images/00001.png"))
        untilShown()
        activity.findViewById<Button>(R.id.share).performClick()
        val chooser = shadowOf(activity).nextStartedActivity
        val send = chooser.getParcelableExtra(Intent.EXTRA_INTENT, Intent::class.java)!!
        assertEquals(Intent.FLAG_GRANT_READ_URI_PERMISSION, send.flags and Intent.FLAG_GRANT_READ_URI_PERMISSION)
        val place = send.getParcelableExtra(Intent.EXTRA_STREAM, Uri::class.java)!!
        val mask = activity.contentResolver.openInputStream(place)!!.use { it.readBytes() }
        assertEquals(256, BitmapFactory.decodeByteArray(mask, 0, mask.size).width)
    }

    @Test
    fun `a picture that is shared into the app before the model is loaded is shown`() {
        val uri = Uri.parse("content://pictures/2")
        shadowOf(app.contentResolver).registerInputStream(uri, sample("site-b/images/00000.png").inputStream())
        val send = Intent(app, MainActivity::class.java).setAction(Intent.ACTION_SEND).putExtra(Intent.EXTRA_STREAM, uri)
        Robolectric.buildActivity(MainActivity::class.java, send).setup()
        untilShown()
    }

    @Test
    fun `turning the phone keeps the picture and its mask`() {
        val controller = start(MainActivity::class.java)
        untilReady()
        controller.get().open(sample("site-d/images/00001.png"))
        untilShown()
        val result = (app.session.state as State.Shown).result
        RuntimeEnvironment.setQualifiers("+land")
        controller.recreate()
        shadowOf(Looper.getMainLooper()).idle()
        val turned = controller.get()
        assertEquals(result, (app.session.state as State.Shown).result)
        assertTrue(turned.isShown(R.id.results))
        assertEquals(11, turned.findViewById<LinearLayout>(R.id.presences).childCount)
        turned.keep("3-turned")
    }

    @Test
    fun `disturbances are named in plain words, and white light is not one of them`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.open(sample("site-d/images/00001.png"))
        untilShown()
        val result = (app.session.state as State.Shown).result
        assertEquals(result.disturbances, activity.words(R.id.disturbances).lines())
        assertEquals(isUnfamiliar(result.unfamiliar), activity.isShown(R.id.unfamiliar))
        val rows = activity.findViewById<LinearLayout>(R.id.presences)
        val spoken = (0 until rows.childCount).map { rows.getChildAt(it).contentDescription.toString() }
        assertTrue(spoken.any { it.startsWith("glare, ") } && spoken.none { "white" in it }, "$spoken")

        activity.showDisturbances(listOf("glare on 8 % of the picture", "blur"))
        assertEquals(listOf("glare on 8 % of the picture", "blur"), activity.words(R.id.disturbances).lines())
        activity.showUnfamiliar(0.5f)
        assertTrue(activity.isShown(R.id.unfamiliar))
        activity.keep("11-disturbed")
        activity.showUnfamiliar(0.4f)
        assertFalse(activity.isShown(R.id.unfamiliar))
        activity.showDisturbances(emptyList())
        assertEquals("No disturbances.", activity.words(R.id.disturbances))
    }

    @Test
    fun `the screen may turn while a picture is segmented`() {
        val controller = start(MainActivity::class.java)
        untilReady()
        controller.get().open(sample("site-d/images/00001.png"))
        controller.recreate()
        untilShown()
        assertTrue(controller.get().isShown(R.id.results))
    }

    @Test
    fun `a denied camera shows a message and opens the settings`() {
        start(MainActivity::class.java)
        untilReady()
        val controller = start(CameraActivity::class.java)
        val activity = controller.get()
        assertEquals(listOf(CAMERA), shadowOf(activity).lastRequestedPermission.requestedPermissions.toList())
        activity.onRequestPermissionsResult(1, arrayOf(CAMERA), intArrayOf(PackageManager.PERMISSION_DENIED))
        assertTrue(activity.isShown(R.id.refusal))
        assertEquals(activity.getString(R.string.camera_denied), activity.words(R.id.message))
        activity.keep("4-camera-denied")
        activity.findViewById<Button>(R.id.allow).performClick()
        assertEquals(android.provider.Settings.ACTION_APPLICATION_DETAILS_SETTINGS, shadowOf(activity).nextStartedActivity.action)
        // An interrupted dialog gives no answer.
        activity.onRequestPermissionsResult(1, emptyArray(), intArrayOf())
        controller.recreate()
        assertTrue(controller.get().isShown(R.id.refusal), "turning the phone keeps the message")
    }

    @Test
    fun `a picture that is too dark gives a hint`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.open(sample("site-d/images/00001.png"))
        untilShown()
        assertFalse(activity.isShown(R.id.hint), "a good picture has no hint")
        val bitmap = (app.session.state as State.Shown).let { (it.picture as BitmapPicture).bitmap }.copy(Bitmap.Config.ARGB_8888, true)
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        fun dark(value: Int) = (value * 0.15).toInt()
        val darkened = pixels.map { Color.rgb(dark(Color.red(it)), dark(Color.green(it)), dark(Color.blue(it))) }
        bitmap.setPixels(darkened.toIntArray(), 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        activity.open(ByteArrayOutputStream().also { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }.toByteArray())
        untilShown()
        assertTrue(activity.isShown(R.id.hint))
        assertEquals(activity.getString(R.string.hint_dark), activity.words(R.id.hint))
        activity.keep("9-hint")
    }

    @Test
    fun `a missing camera shows a message`() {
        start(MainActivity::class.java)
        untilReady()
        shadowOf(app).grantPermissions(CAMERA)
        val activity = start(CameraActivity::class.java).get()
        until("the missing camera is reported") { activity.isShown(R.id.refusal) }
        assertEquals(activity.getString(R.string.camera_none, "this device has no camera"), activity.words(R.id.message))
        assertFalse(activity.isShown(R.id.allow))
    }

    /** Adds a back camera. Its sensor is mounted sideways, as in most phones. */
    private fun addCamera() {
        val about = ShadowCameraCharacteristics.newCameraCharacteristics()
        val sizes = StreamConfigurationMapBuilder.newBuilder().addOutputSize(ImageFormat.YUV_420_888, Size(640, 480)).build()
        shadowOf(about).apply {
            set(CameraCharacteristics.LENS_FACING, CameraCharacteristics.LENS_FACING_BACK)
            set(CameraCharacteristics.SENSOR_ORIENTATION, 90)
            set(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP, sizes)
        }
        shadowOf(app.getSystemService(CameraManager::class.java)).addCamera("0", about)
    }

    /** Opens the live screen with a sample in the place of the preview. The test camera has no frames. */
    private fun live(): CameraActivity {
        shadowOf(app).grantPermissions(CAMERA)
        addCamera()
        val main = start(MainActivity::class.java).get()
        untilReady()
        main.open(sample("site-b/images/00000.png"))
        untilShown()
        val shown = app.session.state as State.Shown
        val activity = start(CameraActivity::class.java).get()
        assertFalse(activity.isShown(R.id.refusal))
        assertTrue(activity.isShown(R.id.preview))
        activity.show(shown.result)
        activity.visible(R.id.preview, false)
        activity.findViewById<StageView>(R.id.stage).show((shown.picture as BitmapPicture).bitmap, shown.result)
        return activity
    }

    @Test
    fun `the live screen shows the mask over the picture`() {
        val activity = live()
        assertTrue("polyp" in activity.findViewById<View>(R.id.stage).contentDescription)
        val bitmap = activity.photograph()
        val colors = (0 until bitmap.width step 4).flatMap { x -> (0 until bitmap.height step 4).map { bitmap.getPixel(x, it) } }
        assertTrue(colors.any { Color.green(it) > Color.red(it) + 30 }, "the polyp's green is visible")
        val result = (app.session.state as State.Shown).result
        assertEquals(result.disturbances, activity.words(R.id.disturbances).lines())
        assertEquals(isUnfamiliar(result.unfamiliar), activity.isShown(R.id.unfamiliar))
        activity.keep("5-live")
        val slider = activity.findViewById<SeekBar>(R.id.opacity)
        slider.progress = 0
        assertFalse(activity.photograph().sameAs(bitmap), "the slider hides the mask")
    }

    @Test
    @Config(qualifiers = "w740dp-h320dp-land-night-xhdpi", fontScale = 2f)
    fun `the live screen fits a turned phone with dark mode and large text`() {
        val activity = live()
        activity.showHint(QualityHint.DARK)
        activity.showUnfamiliar(1f)
        activity.showDisturbances(listOf("picture artefacts"))
        activity.keep("10-live-turned")
        val (stage, panel) = (activity.findViewById<ViewGroup>(android.R.id.content).getChildAt(0) as ViewGroup)
            .let { it.getChildAt(0) to it.getChildAt(1) as ScrollView }
        assertTrue(stage.right <= panel.left && stage.height == panel.height, "side by side")
        assertTrue(stage.width > panel.width)
        // All texts can be reached, and nothing is cut off.
        val seen = Rect()
        val column = panel.getChildAt(0) as ViewGroup
        assertTrue(panel.canScrollVertically(1))
        panel.scrollTo(0, column.height)
        val last = activity.findViewById<View>(R.id.disturbances)
        assertTrue(last.getGlobalVisibleRect(seen) && seen.height() == last.height, "the last line can be scrolled to")
        for (view in views(column).filterIsInstance<TextView>()) {
            assertTrue(view.height >= view.layout.height, "${view.text} is cut off")
            for (line in 1 until view.layout.lineCount) {
                val before = view.text[view.layout.getLineStart(line) - 1]
                assertTrue(before in " -", "${view.text} is broken within a word")
            }
        }
        assertTrue(Color.luminance(activity.photograph().getPixel(panel.left + 4, panel.height / 2)) < 0.1, "dark")
    }

    @Test
    fun `a model that fails to load shows the reason and can be loaded again`() {
        val good = app.readModel
        app.readModel = { "no model".toByteArray() }
        val activity = start(MainActivity::class.java).get()
        until("the model is refused") { app.session.state is State.NoModel }
        assertTrue("safetensors" in activity.words(R.id.message), activity.words(R.id.message))
        assertEquals(activity.getString(R.string.retry), activity.words(R.id.open))
        activity.keep("6-no-model")
        app.readModel = good
        activity.findViewById<Button>(R.id.open).performClick()
        untilReady()
    }

    @Test
    fun `a file that is not a picture shows a message`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.open("this is not a picture".toByteArray())
        until("the file is refused") { app.session.state is State.NoPicture }
        assertEquals(activity.getString(R.string.unreadable), activity.words(R.id.message))
        activity.open(sample("site-a/images/00000.png"))
        untilShown()
    }

    @Test
    @Config(qualifiers = "w411dp-h1500dp-night-xhdpi")
    fun `the page is dark in dark mode`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.open(sample("site-d/images/00001.png"))
        untilShown()
        activity.keep("7-dark")
        assertTrue(Color.luminance(activity.photograph().getPixel(4, 300)) < 0.1)
    }

    @Test
    @Config(qualifiers = "w411dp-h1500dp-xhdpi", fontScale = 1.6f)
    fun `controls have labels and are large enough with large text`() {
        val activity = start(MainActivity::class.java).get()
        untilReady()
        activity.open(sample("site-b/images/00000.png"))
        untilShown()
        activity.keep("8-large-text")
        val density = activity.resources.displayMetrics.density
        val controls = views(activity.window.decorView).filter { it.isClickable && it.isShown || it is SeekBar }
        assertTrue(controls.size >= 5)
        for (view in controls) {
            val label = view.contentDescription ?: (view as? TextView)?.text
            assertTrue(!label.isNullOrBlank(), "$view has no label")
            assertTrue(view.height >= 48 * density - 1, "$view is ${view.height / density} dp high")
        }
        val findings = activity.findViewById<LinearLayout>(R.id.findings).getChildAt(0)
        assertTrue("of the picture" in findings.contentDescription)
        assertNotEquals("", activity.findViewById<View>(R.id.stage).contentDescription.toString())
    }

    @Test
    fun `the app has only the permission for the camera`() {
        val info = app.packageManager.getPackageInfo(app.packageName, PackageManager.GET_PERMISSIONS)
        assertEquals(listOf(CAMERA), info.requestedPermissions.orEmpty().toList())
    }
}
