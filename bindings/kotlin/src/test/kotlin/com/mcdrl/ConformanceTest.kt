package com.mcdrl

import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking

class ConformanceTest {
    @Test
    fun `the package gives the native answers`() = runBlocking<Unit> {
        val tolerance = Lab.answers.getJSONObject("tolerance")
        Lab.open().use { segmenter ->
            for (answer in Lab.answers.getJSONArray("images").objects()) {
                val found = segmenter.segment(Lab.sample(answer.getString("site"), answer.getString("name")))
                val stored = Lab.classes(answer.getJSONObject("mask"))
                assertEquals(stored.size, found.width * found.height)
                val differing = stored.indices.count { stored[it] != found.categoryMask[it] }
                assertTrue(differing <= tolerance.getDouble("share_of_differing_pixels") * stored.size)
                for (confounder in found.confounders) {
                    val weight = answer.getJSONObject("confounders").getDouble(confounder.name)
                    assertTrue(abs(weight - confounder.weight) <= tolerance.getDouble("confounder_weight"))
                    val presence = answer.getJSONObject("presences").getDouble(confounder.name)
                    assertTrue(abs(presence - confounder.presence) <= tolerance.getDouble("presence"), "$confounder")
                }
                assertTrue(abs(answer.getDouble("unfamiliar") - found.unfamiliar) <= tolerance.getDouble("presence"))
                assertTrue(abs(answer.getDouble("expected_dice") - found.expectedDice) <= tolerance.getDouble("presence"))
                val shown = found.confounders.filter { it.isDisturbance && it.presence >= 0.5f }.sortedByDescending { it.presence }
                assertEquals(shown.map { it.words }, found.disturbances.map { it.substringBefore(" on ") })
            }
        }
    }

    @Test
    fun `the maps agree with the mask`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            val found = segmenter.segment(Lab.sample("site-b", "00000"))
            assertEquals("background", segmenter.labels[0])
            assertEquals(segmenter.labels.size, found.confidenceMasks.size)
            for (pixel in found.categoryMask.indices step 97) {
                val sum = found.confidenceMasks.sumOf { it[pixel].toDouble() }
                assertTrue(abs(sum - 1) < 1e-4)
                assertEquals(found.categoryMask[pixel] == 0.toByte(), found.confidenceMasks[0][pixel] >= 0.5f)
            }
            assertTrue(found.uncertainty.size == found.categoryMask.size && found.uncertainty.all { it in 0f..1f })
            assertEquals(found.regions.rows * found.regions.columns, found.regions.similarity.size)
            assertEquals(segmenter.confounders.size, found.regions.confounders.size)
            assertTrue(abs(found.confounders.sumOf { it.weight.toDouble() } - 1) < 1e-3)
            assertEquals(found.categoryMask.count { it > 0 }.toLong(), found.lesions.sumOf { it.pixels })
            for ((name, confidence, _, _, bounds, outline) in found.lesions) {
                assertTrue(name in segmenter.labels.drop(1) && confidence in 0f..1f)
                assertTrue(bounds.left + bounds.width <= found.width && bounds.top + bounds.height <= found.height)
                assertTrue(outline.size >= 4 && outline.all { it.x - bounds.left in 0..bounds.width && it.y - bounds.top in 0..bounds.height })
            }
            assertTrue(found.lesions.isNotEmpty() && found.notes.isEmpty())
        }
    }

    @Test
    fun `a DICOM file is segmented where it shows the picture, in millimetres`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            val found = segmenter.segment(Lab.dicom())
            assertEquals(320 to 240, found.width to found.height)
            assertEquals(Bounds(120, 80, 160, 120), found.activeArea)
            assertTrue(found.lesions.isNotEmpty())
            for (lesion in found.lesions) {
                assertTrue(lesion.bounds.left >= 120 && lesion.bounds.top >= 80)
                assertEquals(0.25f * lesion.pixels, lesion.areaMm2!!, 0.01f)
            }
            val plain = segmenter.segment(Lab.sample("site-b", "00000"))
            assertEquals(Bounds(0, 0, plain.width, plain.height), plain.activeArea)
            assertTrue(plain.lesions.all { it.areaMm2 == null })
        }
    }

    @Test
    fun `the whole frame and tiles can be chosen`() = runBlocking<Unit> {
        suspend fun found(options: ImageSegmenterOptions, file: ByteArray) =
            ImageSegmenter.createFromOptions(options).use { it.segment(file) }
        val whole = found(ImageSegmenterOptions(Lab.model, Device.CPU, wholeFrame = true), Lab.dicom())
        assertEquals(Bounds(0, 0, 320, 240), whole.activeArea)
        val sample = Lab.sample("site-b", "00000")
        val plain = found(ImageSegmenterOptions(Lab.model, Device.CPU), sample).confidenceMasks[0]
        val tiled = found(ImageSegmenterOptions(Lab.model, Device.CPU, tileSide = 100), sample).confidenceMasks[0]
        assertTrue(plain.indices.maxOf { abs(plain[it] - tiled[it]) } > 1e-3f)
        val oneTile = found(ImageSegmenterOptions(Lab.model, Device.CPU, tileSide = 5000), sample).confidenceMasks[0]
        assertTrue(plain.indices.maxOf { abs(plain[it] - oneTile[it]) } < 1e-6f)
        for (side in listOf(0, -1)) {
            val error = assertFailsWith<SegmenterException> {
                ImageSegmenter.createFromOptions(ImageSegmenterOptions(Lab.model, Device.CPU, tileSide = side))
            }
            assertEquals("input", Lab.kind(error))
        }
    }

    @Test
    fun `confounders have a presence and an area`() = runBlocking<Unit> {
        Lab.open().use { segmenter ->
            assertEquals(listOf("white-light"), segmenter.confounders.filterNot { it.isDisturbance }.map { it.name })
            val found = segmenter.segment(Lab.sample("site-b", "00000"))
            assertEquals(segmenter.confounders.map { it.name }, found.confounders.map { it.name })
            assertEquals(segmenter.confounders.map { it.isDisturbance }, found.confounders.map { it.isDisturbance })
            assertEquals(segmenter.confounders.map { it.hintPresence }, found.confounders.map { it.hintPresence })
            assertTrue(found.confounders.all { it.presence in 0f..1f && it.area in 0f..1f }, "${found.confounders}")
            assertTrue(found.unfamiliar in 0f..1f)
            assertTrue(found.regions.confounders.all { map -> map.all { it in 0f..1f } })
        }
    }
}
