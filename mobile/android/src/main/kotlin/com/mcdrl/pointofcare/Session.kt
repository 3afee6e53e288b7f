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

/** A chosen picture. */
interface Picture {
    /** Its pixels. */
    fun frame(): Frame
}

/** The state of the app. */
sealed interface State {
    /** The model is being loaded. */
    data object Loading : State

    /** The model cannot be loaded. */
    data class NoModel(val reason: String) : State

    /** A picture can be chosen. */
    data object Ready : State

    /** A picture is being read and segmented. */
    data class Working(val picture: Picture?) : State

    /** A picture is segmented. */
    data class Shown(val picture: Picture, val result: Segmentation) : State

    /** A picture cannot be read (no [reason]) or cannot be segmented. */
    data class NoPicture(val reason: String?) : State
}

/**
 * Holds one model and one picture while the process lives. Screens come and go.
 *
 * @param main the thread of the screens
 * @param readModel reads the model file
 */
class Session(main: CoroutineDispatcher, private val readModel: () -> ByteArray) {
    private val scope = CoroutineScope(SupervisorJob() + main)
    private var work: Job? = null

    /** A picture that was opened before the model was ready. */
    private var early: (() -> Picture?)? = null

    /** The segmenter, once [start] has opened it. */
    var segmenter: ImageSegmenter? = null
        private set

    /** Called with every new state, on the thread of the screens. */
    var listener: ((State) -> Unit)? = null

    /** The current state. */
    var state: State by observable(State.Loading) { _, _, state -> listener?.invoke(state) }
        private set

    /** Loads the model, unless it is loaded or being loaded. */
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
                // A missing library is an Error. A broken file is an exception. The screen shows the message of both.
                State.NoModel(error.message ?: error.javaClass.simpleName)
            }
            early?.takeIf { segmenter != null }?.let {
                early = null
                open(it)
            }
        }
    }

    /**
     * Segments a picture. The work on an earlier picture is cancelled.
     *
     * @param read reads the picture, on another thread; `null` if the file is not a picture
     */
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
                // A picture that is too large for the phone's memory is an Error.
                State.NoPicture(error.message ?: error.javaClass.simpleName)
            }
        }
    }
}
