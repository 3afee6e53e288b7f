/// A frame of a video.
public struct VideoFrame: Sendable {
    /// The frame.
    public var frame: Frame
    /// Milliseconds, larger than that of the last frame.
    public var timestampMs: Int64

    public init(_ frame: Frame, timestampMs: Int64) {
        self.frame = frame
        self.timestampMs = timestampMs
    }
}

/// The result for a frame of a video.
public struct VideoSegmentation: Sendable {
    /// The result.
    public let segmentation: Segmentation
    /// The frame's timestamp.
    public let timestampMs: Int64
}

extension ImageSegmenter {
    /// Segments a video. Frames that come faster than they can be segmented are dropped.
    public func segmentVideo(_ frames: AsyncStream<VideoFrame>) -> AsyncThrowingStream<VideoSegmentation, Error> {
        let (newest, offer) = AsyncStream.makeStream(of: VideoFrame.self, bufferingPolicy: .bufferingNewest(1))
        return AsyncThrowingStream(bufferingPolicy: .bufferingNewest(1)) { results in
            let reader = Task {
                for await frame in frames { offer.yield(frame) }
                offer.finish()
            }
            let worker = Task {
                do {
                    for await next in newest {
                        let result = try await self.segmentForVideo(next.frame, timestampMs: next.timestampMs)
                        guard let result else { continue }
                        results.yield(VideoSegmentation(segmentation: result, timestampMs: next.timestampMs))
                    }
                    results.finish()
                } catch {
                    results.finish(throwing: error)
                }
            }
            results.onTermination = { _ in
                reader.cancel()
                worker.cancel()
            }
        }
    }
}
