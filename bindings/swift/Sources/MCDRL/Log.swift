import MCDRLFFI

/// The level of a log line.
public typealias LogLevel = MCDRLFFI.LogLevel

/// Sends the library's log to `handler`, on any thread. `nil` switches the log off. Log lines contain no image data.
public func setLogHandler(_ handler: (@Sendable (LogLevel, String) -> Void)?) {
    setLogSink(sink: handler.map(Sink.init))
}

private final class Sink: LogSink {
    private let handler: @Sendable (LogLevel, String) -> Void

    init(_ handler: @escaping @Sendable (LogLevel, String) -> Void) {
        self.handler = handler
    }

    func log(level: LogLevel, message: String) {
        handler(level, message)
    }
}
