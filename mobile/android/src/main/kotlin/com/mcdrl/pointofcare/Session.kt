package com.mcdrl.pointofcare

import com.mcdrl.Frame
import com.mcdrl.ImageSegmenter
import com.mcdrl.ImageSegmenterOptions
import com.mcdrl.Segmentation
import kotlin.properties.Delegates.observable
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** A picture that somebody chose. */
interface Picture {
    /** Its pixels. */
    fun frame(): Frame
}

/** Where the app is. */
sealed interface State {
    /** The model is loaded. */
    data object Loading : State

    /** The model cannot be loaded. */
    data class NoModel(val reason: String) : State

    /** A picture can be chosen. */
    data object Ready : State

    /** A picture is being read and segmented. */
    data class Working(val picture: Picture?) : State

    /** A picture is segmented. */
    data class Shown(val picture: Picture, val result: Segmentation) : State

    /** A picture cannot be read (no [reason]) or segmented. */
    data class NoPicture(val reason: String?) : State
}

/**
 * One model and one picture at a time, from start to end of the process; screens come and go. Plain Kotlin: [main] is the
 * thread of the screens, [readModel] brings the model file.
 */
class Session(main: CoroutineDispatcher, private val readModel: () -> ByteArray) {
    private val scope = CoroutineScope(SupervisorJob() + main)
    private var work: Job? = null

    /** A picture that came before the model. */
    private var early: (() -> Picture?)? = null

    /** Opened by [start]. */
    var segmenter: ImageSegmenter? = null
        private set

    /** Hears every state, on the thread of the screens. */
    var listener: ((State) -> Unit)? = null

    /** Where the app is. */
    var state: State by observable(State.Loading) { _, _, state -> listener?.invoke(state) }
        private set

    /** Loads the model, unless that is done or under way. */
    fun start() {
        if (segmenter != null || work?.isActive == true) return
        state = State.Loading
        work = scope.launch {
            state = try {
                val bytes = withContext(Dispatchers.IO) { readModel() }
                segmenter = ImageSegmenter.createFromOptions(ImageSegmenterOptions(bytes))
                State.Ready
            } catch (cancelled: CancellationException) {
                throw cancelled
            } catch (error: Throwable) {
                // A missing library is an Error, and a broken file any exception: the screen says which.
                State.NoModel(error.message ?: error.javaClass.simpleName)
            }
            early?.takeIf { segmenter != null }?.let {
                early = null
                open(it)
            }
        }
    }

    /** Segments what [read] brings, which is called on another thread; `null` if it is no picture. A picture under way is given up. */
    fun open(read: () -> Picture?) {
        val segmenter = segmenter ?: return start().also { early = read }
        work?.cancel()
        state = State.Working(null)
        work = scope.launch {
            val picture = withContext(Dispatchers.IO) { runCatching(read).getOrNull() }
            if (picture == null) {
                state = State.NoPicture(null)
                return@launch
            }
            state = State.Working(picture)
            state = try {
                State.Shown(picture, segmenter.segment(withContext(Dispatchers.Default) { picture.frame() }))
            } catch (cancelled: CancellationException) {
                throw cancelled
            } catch (error: Throwable) {
                // A picture too large for this phone's memory is an Error.
                State.NoPicture(error.message ?: error.javaClass.simpleName)
            }
        }
    }
}
