package androidx.test.platform.app

import android.app.Instrumentation
import android.os.Bundle

object InstrumentationRegistry {
    private lateinit var instrumentation: Instrumentation
    private var arguments = Bundle()

    @JvmStatic
    fun registerInstance(instrumentation: Instrumentation, arguments: Bundle) {
        this.instrumentation = instrumentation
        this.arguments = arguments
    }

    @JvmStatic
    fun getInstrumentation(): Instrumentation = instrumentation

    @JvmStatic
    fun getArguments(): Bundle = arguments
}
