package com.mcdrl.pointofcare

/**
 * The orientation of the camera in the phone and of the screen. Rotations are in degrees, clockwise.
 *
 * @property sensor the rotation that makes the sensor's picture upright in the phone's natural orientation
 * @property screen the rotation of the screen's picture against the natural orientation
 * @property front whether the camera faces the user
 */
data class CameraPlacement(val sensor: Int, val screen: Int, val front: Boolean) {
    /** The rotation that makes the sensor's picture upright on this screen. */
    val rotation get() = (if (front) sensor + screen else sensor - screen + 360) % 360

    /**
     * Places a sensor's picture of [width]×[height] whole, upright and centred in a view of [across]×[down].
     * [StageView] draws the mask at the same place.
     */
    fun fit(width: Int, height: Int, across: Int, down: Int): Fit {
        fun turned(degrees: Int, size: Pair<Float, Float>) = if (degrees % 180 != 0) size.second to size.first else size
        val shown = turned(rotation, width.toFloat() to height.toFloat())
        val scale = minOf(across / shown.first, down / shown.second)
        // The view stretches the picture to its own size, upright in the phone's natural orientation.
        val natural = turned(screen, shown)
        return Fit(natural.first * scale / across, natural.second * scale / down, -screen)
    }

    /** The transform of the view: scaled about its centre, then rotated about it. */
    data class Fit(val x: Float, val y: Float, val turn: Int)
}
