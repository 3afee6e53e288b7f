import MCDRLFFI

/// The level of a line of the log.
public typealias LogLevel = MCDRLFFI.LogLevel

/// Sends the library's log to `handler`, which is called from any thread. `nil` switches the log off. No line holds
/// anything of an image.
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
