package com.mcdrl.pointofcare

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Outline
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.view.View
import android.view.ViewOutlineProvider
import com.mcdrl.Segmentation

/** A picture with the mask over it. Over a camera preview it shows the mask alone. */
class StageView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private var picture: Bitmap? = null
    private var mask: Bitmap? = null
    private val place = RectF()
    private val picturePaint = Paint(Paint.FILTER_BITMAP_FLAG)
    private val maskPaint = Paint(Paint.FILTER_BITMAP_FLAG).apply { alpha = 153 }

    init {
        val radius = 18 * resources.displayMetrics.density
        outlineProvider = object : ViewOutlineProvider() {
            override fun getOutline(view: View, outline: Outline) =
                outline.setRoundRect(0, 0, view.width, view.height, radius)
        }
        clipToOutline = true
    }

    /** The opacity of the mask, 0..1. */
    var opacity: Float
        get() = maskPaint.alpha / 255f
        set(value) {
            maskPaint.alpha = (255 * value).toInt()
            invalidate()
        }

    /** Shows a picture, a mask, both or neither. */
    fun show(picture: Bitmap?, result: Segmentation?) {
        this.picture = picture
        mask = result?.let {
            val pixels = overlay(it.categoryMask, it.width, it.height)
            Bitmap.createBitmap(pixels, it.width, it.height, Bitmap.Config.ARGB_8888)
        }
        invalidate()
    }

    override fun onMeasure(widthSpec: Int, heightSpec: Int) {
        super.onMeasure(widthSpec, heightSpec)
        if (MeasureSpec.getMode(heightSpec) != MeasureSpec.EXACTLY) {
            val visible = resources.displayMetrics.heightPixels
            setMeasuredDimension(measuredWidth, minOf(measuredWidth, visible * 3 / 5))
        }
    }

    override fun onDraw(canvas: Canvas) {
        picture?.let {
            canvas.drawColor(context.getColor(R.color.stage))
            canvas.drawBitmap(it, null, fit(it), picturePaint)
        } ?: if (mask == null && background == null) canvas.drawColor(context.getColor(R.color.stage)) else Unit
        mask?.let { canvas.drawBitmap(it, null, fit(picture ?: it), maskPaint) }
    }

    /** The place of a bitmap: whole and centred. */
    private fun fit(bitmap: Bitmap): RectF {
        val scale = minOf(width.toFloat() / bitmap.width, height.toFloat() / bitmap.height)
        val (w, h) = bitmap.width * scale to bitmap.height * scale
        return place.apply { set((width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2) }
    }
}
