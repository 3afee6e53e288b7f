package com.mcdrl.pointofcare

import android.app.Application
import android.os.Handler
import android.os.Looper
import java.util.concurrent.Executor
import kotlinx.coroutines.asCoroutineDispatcher

/** The process: it holds the model, whatever screens there are. */
class PointOfCare : Application() {
    /** Brings the model file. */
    var readModel: () -> ByteArray = { assets.open("demo.safetensors").use { it.readBytes() } }

    /** The model and the picture in hand. */
    val session: Session by lazy {
        val handler = Handler(Looper.getMainLooper())
        Session(Executor { handler.post(it) }.asCoroutineDispatcher()) { readModel() }
    }
}
