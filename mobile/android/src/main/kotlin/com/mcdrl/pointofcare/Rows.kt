package com.mcdrl.pointofcare

import android.content.Context
import android.graphics.drawable.GradientDrawable
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.LinearLayout
import android.widget.TextView
import com.mcdrl.ConfounderWeight
import com.mcdrl.Segmentation
import kotlin.math.roundToInt

/** Formats a share: `4.2 %`, `35 %`. */
fun percent(share: Float): String =
    if (share < 0.0995f) "%.1f %%".format(100 * share) else "${(100 * share).roundToInt()} %"

/** Fills a column with the classes that were found. */
fun LinearLayout.showFindings(result: Segmentation) {
    removeAllViews()
    val found = result.classes.withIndex().filter { it.value.fraction > 0 }
    if (found.isEmpty()) addView(text(context.getString(R.string.no_lesion), R.color.soft))
    for ((index, share) in found) {
        val name = share.name.replaceFirstChar(Char::uppercase)
        val title = line(context)
        title.addView(dot(context, opaqueColor(index + 1)))
        title.addView(text(name, R.color.ink))
        val shares = text(context.getString(R.string.share_of, percent(share.fraction), percent(share.confidence)), R.color.soft)
        val row = row(context)
        row.addView(title, if (isLarge()) wide() else LinearLayout.LayoutParams(0, WRAP_CONTENT, 1f))
        row.addView(shares)
        row.contentDescription =
            context.getString(R.string.finding, name, percent(share.fraction), percent(share.confidence))
        addView(row)
    }
}

/** Fills a column with a bar of the presence of each disturbance, the most probable first. */
fun LinearLayout.showPresences(confounders: List<ConfounderWeight>) {
    removeAllViews()
    for (confounder in knownDisturbances(confounders)) {
        val name = text(confounder.words, R.color.ink)
        val bar = bar(context, confounder.presence)
        val share = text(percent(confounder.presence), R.color.soft).apply { gravity = Gravity.END }
        val row = row(context)
        if (isLarge()) {
            val title = line(context)
            title.addView(name, LinearLayout.LayoutParams(0, WRAP_CONTENT, 1f))
            title.addView(share)
            row.addView(title, wide())
            row.addView(bar, wide(dp(10)))
        } else {
            row.addView(name, LinearLayout.LayoutParams(0, WRAP_CONTENT, 6f))
            row.addView(bar, LinearLayout.LayoutParams(0, dp(10), 5f))
            row.addView(share, LinearLayout.LayoutParams(0, WRAP_CONTENT, 3f))
        }
        row.contentDescription = "${confounder.words}, ${percent(confounder.presence)}"
        addView(row)
    }
}

private fun View.dp(value: Int): Int = (value * resources.displayMetrics.density).roundToInt()

/** Whether the text is too large for two words side by side. */
private fun View.isLarge() = resources.configuration.fontScale > 1.3f

private fun wide(height: Int = WRAP_CONTENT) = LinearLayout.LayoutParams(MATCH_PARENT, height)

private fun line(context: Context) = LinearLayout(context).apply { gravity = Gravity.CENTER_VERTICAL }

private fun row(context: Context) = line(context).apply {
    if (isLarge()) {
        orientation = LinearLayout.VERTICAL
        gravity = Gravity.START
    }
    setPadding(0, dp(6), 0, dp(6))
    // Screen readers read a row as one item.
    isFocusable = true
}

private fun View.text(words: String, color: Int) = TextView(context).apply {
    text = words
    textSize = 16f
    setTextColor(context.getColor(color))
}

private fun dot(context: Context, color: Int) = View(context).apply {
    background = GradientDrawable().apply {
        setColor(color)
        cornerRadius = dp(4).toFloat()
        setStroke(dp(1), context.getColor(R.color.soft))
    }
    layoutParams = LinearLayout.LayoutParams(dp(16), dp(16)).apply { marginEnd = dp(10) }
}

private fun bar(context: Context, share: Float) = LinearLayout(context).apply {
    fun rounded(color: Int) = GradientDrawable().apply {
        setColor(context.getColor(color))
        cornerRadius = dp(5).toFloat()
    }
    background = rounded(R.color.track)
    val filled = View(context).apply { background = rounded(R.color.accent) }
    addView(filled, LinearLayout.LayoutParams(0, MATCH_PARENT, share.coerceAtLeast(0.02f)))
    weightSum = 1f
}
