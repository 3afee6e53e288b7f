package com.mcdrl

import com.mcdrl.ffi.LogSink

/** The level of a line of the log. */
public typealias LogLevel = com.mcdrl.ffi.LogLevel

/**
 * Sends the library's log to [handler], which is called from any thread. `null` switches the log off. No line holds anything
 * of an image.
 */
public fun setLogHandler(handler: ((LogLevel, String) -> Unit)?) {
    com.mcdrl.ffi.setLogSink(
        handler?.let {
            object : LogSink {
                override fun log(level: LogLevel, message: String) = it(level, message)
            }
        },
    )
}
