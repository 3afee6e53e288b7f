package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import org.junit.Test

class LogicTest {
    /** A confounder with a presence, an area, and the smallest presence that gives a hint. */
    private fun confounder(name: String, presence: Float, area: Float = 0f, limit: Float? = null) =
        ConfounderWeight(name, "family", weight = 0.1f, presence, area, isDisturbance = true, limit)

    /** The usual state. */
    private val whiteLight =
        ConfounderWeight("white-light", "family", weight = 0.5f, presence = 1f, area = 1f, isDisturbance = false)

    @Test
    fun `the hint names the confounder that exceeds its limit most`() {
        assertNull(QualityHint.of(emptyList()))
        fun reflection(presence: Float) = confounder("reflection", presence, limit = 0.8f)
        fun blur(presence: Float) = confounder("blur", presence, limit = 0.6f)
        assertNull(QualityHint.of(listOf(whiteLight, reflection(0.7f))))
        assertEquals(QualityHint.REFLECTION, QualityHint.of(listOf(reflection(1f), blur(0.65f))))
        assertEquals(QualityHint.BLUR, QualityHint.of(listOf(reflection(0.85f), blur(0.9f))))
        // The model sets the smallest presence that gives a hint.
        assertNull(QualityHint.of(listOf(confounder("reflection", 0.4f, limit = 0.5f))))
        assertNull(QualityHint.of(listOf(confounder("reflection", 0.9f, limit = null))))
        // A model of another field has other confounders.
        assertNull(QualityHint.of(listOf(confounder("acoustic shadow", 1f, limit = 0.1f))))
    }

    @Test
    fun `the disturbances that the model knows are sorted, and white light is not one of them`() {
        val (blood, blur) = confounder("blood", 0.5f) to confounder("blur", 0.7f)
        assertEquals(listOf(blur, blood), knownDisturbances(listOf(whiteLight, blood, blur)))
    }

    @Test
    fun `a picture unlike the training pictures is unfamiliar`() {
        assertEquals(listOf(false, false, true, true), listOf(0f, 0.49f, 0.5f, 1f).map(::isUnfamiliar))
    }

    @Test
    fun `lesions are filled and outlined in the color of their class`() {
        val mask = ByteArray(8 * 6)
        for (y in 1..4) for (x in 2..6) mask[y * 8 + x] = 2
        val pixels = overlay(mask, 8, 6)
        assertEquals(0, pixels[0])
        assertEquals(opaqueColor(2), pixels[1 * 8 + 2], "the edge is opaque")
        val inside = pixels[2 * 8 + 4]
        assertEquals(opaqueColor(2) and 0xffffff, inside and 0xffffff)
        assertTrue((inside ushr 24) in 1..254, "the inside is translucent")
        assertContentEquals(IntArray(48), overlay(ByteArray(48), 8, 6))
        assertFailsWith<IllegalArgumentException> { overlay(ByteArray(47), 8, 6) }
    }

    @Test
    fun `the sensor's picture is upright in every orientation of the phone`() {
        val screens = listOf(0, 90, 180, 270)
        // A phone's own camera app uses the same rotations.
        assertEquals(listOf(90, 0, 270, 180), screens.map { CameraPlacement(90, it, front = false).rotation })
        assertEquals(listOf(270, 180, 90, 0), screens.map { CameraPlacement(270, it, front = false).rotation })
        assertEquals(listOf(270, 0, 90, 180), screens.map { CameraPlacement(270, it, front = true).rotation })
    }

    @Test
    fun `the preview is whole, upright and in its own proportions`() {
        for (sensor in listOf(0, 90, 180, 270)) for (screen in listOf(0, 90, 180, 270)) for (front in listOf(false, true)) {
            for ((across, down) in listOf(400 to 700, 700 to 400, 300 to 300)) {
                val placement = CameraPlacement(sensor, screen, front)
                val fit = placement.fit(640, 480, across, down)
                assertEquals(0, (fit.turn + screen) % 360)
                val scaled = across * fit.x to down * fit.y
                val (width, height) = if (screen % 180 == 0) scaled else scaled.second to scaled.first
                val proportions = if (placement.rotation % 180 == 0) 640f / 480 else 480f / 640
                assertEquals(proportions, width / height, 1e-4f, "$placement")
                assertEquals(1f, maxOf(width / across, height / down), 1e-4f, "$placement in $across×$down")
            }
        }
    }

    @Test
    fun `shares have few digits`() {
        assertEquals(listOf("0.0 %", "4.2 %", "9.9 %", "10 %", "35 %", "100 %"), listOf(0f, 0.042f, 0.0994f, 0.0996f, 0.35f, 1f).map(::percent))
    }
}
