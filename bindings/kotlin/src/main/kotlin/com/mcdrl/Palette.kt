package com.mcdrl

private val colors: List<UInt> by lazy { com.mcdrl.ffi.palette() }

/**
 * The colour of mask value [value] as 0xRRGGBB, the same in every package. The palette of the classes repeats after its last
 * colour; the background (0) is black.
 */
public fun classColor(value: Int): Int = if (value == 0) 0 else colors[(value - 1).mod(colors.size)].toInt()
