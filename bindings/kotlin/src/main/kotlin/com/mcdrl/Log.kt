package com.mcdrl

import com.mcdrl.ffi.LogSink

/** The level of a log line. */
public typealias LogLevel = com.mcdrl.ffi.LogLevel

/**
 * Sends the library's log to [handler], on any thread. `null` switches the log off. Log lines contain no image data.
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
