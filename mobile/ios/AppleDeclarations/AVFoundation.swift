// The parts of AVFoundation and CoreMedia that the app uses.
@_exported import CoreVideo
@_exported import UIKit

public struct CMTime {}
public func CMTimeGetSeconds(_ time: CMTime) -> Double { fatalError() }

public final class CMSampleBuffer {}
public func CMSampleBufferGetImageBuffer(_ sample: CMSampleBuffer) -> CVImageBuffer? { fatalError() }
public func CMSampleBufferGetPresentationTimeStamp(_ sample: CMSampleBuffer) -> CMTime { fatalError() }

public struct AVMediaType: Sendable {
    public static let video = AVMediaType()
}

public final class AVCaptureDevice {
    public struct DeviceType: Sendable {
        public static let builtInWideAngleCamera = DeviceType()
    }

    public enum Position {
        case back
    }

    public static func `default`(
        _ kind: DeviceType, for media: AVMediaType?, position: Position
    ) -> AVCaptureDevice? { fatalError() }
    public static func requestAccess(for media: AVMediaType) async -> Bool { fatalError() }
}

open class AVCaptureInput {}
open class AVCaptureOutput {
    public init() {}
}
public final class AVCaptureConnection {}

public final class AVCaptureDeviceInput: AVCaptureInput {
    public init(device: AVCaptureDevice) throws {}
}

public protocol AVCaptureVideoDataOutputSampleBufferDelegate: AnyObject {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}

public final class AVCaptureVideoDataOutput: AVCaptureOutput {
    public var videoSettings: [String: Any]!
    public var alwaysDiscardsLateVideoFrames = true
    public func setSampleBufferDelegate(
        _ delegate: AVCaptureVideoDataOutputSampleBufferDelegate?, queue: DispatchQueue?
    ) {}
}

public final class AVCaptureSession {
    public struct Preset: Sendable {
        public static let vga640x480 = Preset()
    }

    public init() {}
    public var sessionPreset = Preset.vga640x480
    public var inputs: [AVCaptureInput] { fatalError() }
    public var outputs: [AVCaptureOutput] { fatalError() }
    public func beginConfiguration() {}
    public func commitConfiguration() {}
    public func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }
    public func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }
    public func addInput(_ input: AVCaptureInput) {}
    public func addOutput(_ output: AVCaptureOutput) {}
    public func removeInput(_ input: AVCaptureInput) {}
    public func removeOutput(_ output: AVCaptureOutput) {}
    public func startRunning() {}
    public func stopRunning() {}
}

public struct AVLayerVideoGravity: Sendable {
    public static let resizeAspect = AVLayerVideoGravity()
}

public final class AVCaptureVideoPreviewLayer: CALayer {
    public var session: AVCaptureSession?
    public var videoGravity = AVLayerVideoGravity.resizeAspect
}
