package com.mcdrl

import com.mcdrl.ffi.LogSink

/** How much a line of the log matters. */
public typealias LogLevel = com.mcdrl.ffi.LogLevel

/**
 * Sends the library's log to [handler], from any thread, or with `null` nowhere. No line holds anything of an image.
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
