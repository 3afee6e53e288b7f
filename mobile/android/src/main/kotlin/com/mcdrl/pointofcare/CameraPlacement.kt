package com.mcdrl.pointofcare

/**
 * How a camera lies in a phone, and the phone in a hand. Turns are in degrees, clockwise.
 *
 * @property sensor by how much the sensor's picture must be turned to be upright on the phone as it is naturally held
 * @property screen by how much the screen's picture is turned against that
 * @property front whether the camera looks at who holds the phone
 */
data class CameraPlacement(val sensor: Int, val screen: Int, val front: Boolean) {
    /** By how much the sensor's picture must be turned to be upright on this screen. */
    val rotation get() = (if (front) sensor + screen else sensor - screen + 360) % 360

    /**
     * Shows a sensor's picture of [width]×[height] whole and upright in the middle of a view of [across]×[down], where
     * [StageView] draws its mask.
     */
    fun fit(width: Int, height: Int, across: Int, down: Int): Fit {
        fun turned(degrees: Int, size: Pair<Float, Float>) = if (degrees % 180 != 0) size.second to size.first else size
        val shown = turned(rotation, width.toFloat() to height.toFloat())
        val scale = minOf(across / shown.first, down / shown.second)
        // The view stretches over itself what would be upright without the screen's turn.
        val natural = turned(screen, shown)
        return Fit(natural.first * scale / across, natural.second * scale / down, -screen)
    }

    /** What is done to what a view shows: scaled about its middle, then turned about it. */
    data class Fit(val x: Float, val y: Float, val turn: Int)
}
