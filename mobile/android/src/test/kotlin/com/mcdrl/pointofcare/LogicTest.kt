package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import org.junit.Test

class LogicTest {
    private fun weights(vararg pairs: Pair<String, Float>) = pairs.map { ConfounderWeight(it.first, "family", it.second) }

    @Test
    fun `the hint is about what disturbs most`() {
        assertNull(QualityHint.of(emptyList()))
        assertNull(QualityHint.of(weights("white-light" to 0.9f, "reflection" to 0.1f)))
        assertEquals(QualityHint.REFLECTION, QualityHint.of(weights("reflection" to 0.4f, "blur" to 0.1f)))
        assertEquals(QualityHint.BLUR, QualityHint.of(weights("reflection" to 0.18f, "blur" to 0.6f)))
        // A model of another field has other confounders.
        assertNull(QualityHint.of(weights("acoustic shadow" to 1f)))
    }

    @Test
    fun `lesions are filled and outlined in their class's colour`() {
        val mask = ByteArray(8 * 6)
        for (y in 1..4) for (x in 2..6) mask[y * 8 + x] = 2
        val pixels = overlay(mask, 8, 6)
        assertEquals(0, pixels[0])
        assertEquals(Colours.ofClass(2), pixels[1 * 8 + 2], "the edge is opaque")
        val inside = pixels[2 * 8 + 4]
        assertEquals(Colours.ofClass(2) and 0xffffff, inside and 0xffffff)
        assertTrue((inside ushr 24) in 1..254, "the inside is not")
        assertContentEquals(IntArray(48), overlay(ByteArray(48), 8, 6))
        assertFailsWith<IllegalArgumentException> { overlay(ByteArray(47), 8, 6) }
    }

    @Test
    fun `shares are read easily`() {
        assertEquals(listOf("0.0 %", "4.2 %", "9.9 %", "10 %", "35 %", "100 %"), listOf(0f, 0.042f, 0.0994f, 0.0996f, 0.35f, 1f).map(::percent))
    }
}
