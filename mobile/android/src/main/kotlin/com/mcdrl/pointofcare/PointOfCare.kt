package com.mcdrl.pointofcare

import android.app.Application
import android.os.Handler
import android.os.Looper
import java.util.concurrent.Executor
import kotlinx.coroutines.asCoroutineDispatcher

/** The app's process. It holds the model while screens come and go. */
class PointOfCare : Application() {
    /** Reads the model file. */
    var readModel: () -> ByteArray = { assets.open("demo.safetensors").use { it.readBytes() } }

    /** The model and the current picture. */
    val session: Session by lazy {
        val handler = Handler(Looper.getMainLooper())
        Session(Executor { handler.post(it) }.asCoroutineDispatcher()) { readModel() }
    }
}
