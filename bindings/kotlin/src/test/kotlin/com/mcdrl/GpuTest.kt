package com.mcdrl

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue
import kotlinx.coroutines.runBlocking

class GpuTest {
    @Test
    fun `the GPU gives the answer of the CPU, or a device error`() = runBlocking<Unit> {
        val file = Lab.sample("site-b", "00000")
        val gpu = try {
            ImageSegmenter.createFromOptions(ImageSegmenterOptions(Lab.model, Device.GPU))
        } catch (none: SegmenterException) {
            assertEquals(SegmenterException.Code.DEVICE, none.code)
            println("skipped: ${none.message}")
            return@runBlocking
        }
        gpu.use {
            assertEquals("gpu", gpu.device)
            val found = gpu.segment(file).categoryMask
            Lab.open().use { cpu ->
                val expected = cpu.segment(file).categoryMask
                assertTrue(expected.indices.count { expected[it] != found[it] } * 500 < expected.size)
            }
        }
    }
}
