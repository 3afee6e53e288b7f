import AVFoundation
import MCDRL

/// The back camera as a stream of frames.
final class LiveCamera: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate {
    /// The session that the preview shows.
    let session = AVCaptureSession()

    private let queue = DispatchQueue(label: "camera")
    private var reader: AsyncStream<VideoFrame>.Continuation?

    /// Frames, while they are read.
    func frames() throws -> AsyncStream<VideoFrame> {
        guard let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .back) else {
            throw SegmenterError(.device, "this device has no camera")
        }
        let (stream, continuation) = AsyncStream.makeStream(of: VideoFrame.self, bufferingPolicy: .bufferingNewest(1))
        reader = continuation
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = [
            kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_420YpCbCr8BiPlanarFullRange
        ]
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: queue)
        let input = try AVCaptureDeviceInput(device: device)
        session.beginConfiguration()
        session.inputs.forEach(session.removeInput)
        session.outputs.forEach(session.removeOutput)
        // The model sees fewer pixels than this.
        session.sessionPreset = .vga640x480
        let fits = session.canAddInput(input) && session.canAddOutput(output)
        if fits {
            session.addInput(input)
            session.addOutput(output)
        }
        session.commitConfiguration()
        guard fits else { throw SegmenterError(.device, "another app has taken the camera") }
        continuation.onTermination = { [session, queue] _ in queue.async { session.stopRunning() } }
        queue.async { [session] in session.startRunning() }
        return stream
    }

    func captureOutput(
        _ output: AVCaptureOutput, didOutput sample: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        // The sensor is mounted sideways in an upright phone.
        guard let buffer = CMSampleBufferGetImageBuffer(sample), let frame = Frame(buffer, rotation: 90) else { return }
        let time = CMSampleBufferGetPresentationTimeStamp(sample)
        reader?.yield(VideoFrame(frame, timestampMs: Int64(CMTimeGetSeconds(time) * 1000)))
    }
}
