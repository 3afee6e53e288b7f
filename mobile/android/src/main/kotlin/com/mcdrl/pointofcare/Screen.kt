package com.mcdrl.pointofcare

import android.app.Activity
import android.view.View
import android.widget.SeekBar
import android.widget.TextView
import com.mcdrl.Segmentation

/** Shows or hides a view. */
fun Activity.visible(id: Int, shown: Boolean) {
    findViewById<View>(id).visibility = if (shown) View.VISIBLE else View.GONE
}

/** Shows a hint, or hides it. */
fun Activity.showHint(hint: QualityHint?) {
    visible(R.id.hint, hint != null)
    if (hint == null) return
    val words = getString(
        when (hint) {
            QualityHint.REFLECTION -> R.string.hint_reflection
            QualityHint.BLUR -> R.string.hint_blur
            QualityHint.DARK -> R.string.hint_dark
            QualityHint.BRIGHT -> R.string.hint_bright
            QualityHint.UNEVEN -> R.string.hint_uneven
            QualityHint.NEAR -> R.string.hint_near
            QualityHint.FAR -> R.string.hint_far
            QualityHint.MUCUS -> R.string.hint_mucus
            QualityHint.BLOOD -> R.string.hint_blood
            QualityHint.ARTEFACTS -> R.string.hint_artefacts
        },
    )
    val view = findViewById<TextView>(R.id.hint)
    // Setting the same words again would make the screen reader repeat them.
    if (view.text.toString() != words) view.text = words
}

/** Shows the disturbances of a picture in words. */
fun Activity.showDisturbances(disturbances: List<String>) {
    val words = disturbances.joinToString("\n").ifEmpty { getString(R.string.undisturbed) }
    findViewById<TextView>(R.id.disturbances).text = words
}

/** Warns if a picture is unlike the training pictures. */
fun Activity.showUnfamiliar(unfamiliar: Float) = visible(R.id.unfamiliar, isUnfamiliar(unfamiliar))

/** The text that a screen reader reads for a picture. */
fun Activity.spoken(result: Segmentation): String {
    val names = result.classes.filter { it.fraction > 0 }.joinToString { it.name }
    return getString(R.string.stage, names.ifEmpty { getString(R.string.no_lesion) })
}

/** Reports the value of a slider, 0..1. */
fun SeekBar.onChange(change: (Float) -> Unit) = setOnSeekBarChangeListener(
    object : SeekBar.OnSeekBarChangeListener {
        override fun onProgressChanged(bar: SeekBar, progress: Int, byUser: Boolean) = change(progress.toFloat() / bar.max)

        override fun onStartTrackingTouch(bar: SeekBar) = Unit

        override fun onStopTrackingTouch(bar: SeekBar) = Unit
    },
)
