import AVFoundation
import MCDRL
import PointOfCare
import SwiftUI

/// The live camera picture with masks over it.
struct CameraScreen: View {
    let segmenter: ImageSegmenter

    @Environment(\.dismiss) private var dismiss
    @SwiftUI.State private var camera = LiveCamera()
    @SwiftUI.State private var result: Segmentation?
    @SwiftUI.State private var refusal: LocalizedStringKey?
    @SwiftUI.State private var opacity = 0.6

    var body: some View {
        VStack {
            ZStack(alignment: .top) {
                Color.black
                CameraPreview(session: camera.session)
                if let mask = result.flatMap(overlayImage) {
                    Image(uiImage: mask).resizable().scaledToFit().opacity(opacity)
                        .frame(maxWidth: .infinity, maxHeight: .infinity)
                        .accessibilityHidden(true)
                }
                if let hint = result.flatMap({ QualityHint.of($0.confounders) }) { HintView(hint: hint).padding() }
                if let refusal { refused(refusal) }
            }
            if let result {
                ScrollView {
                    VStack(spacing: 8) {
                        Slider(value: $opacity).accessibilityLabel("Overlay")
                        UnfamiliarView(result: result)
                        FindingsCard(result: result)
                        DisturbancesCard(result: result, showsBars: false)
                    }
                    .padding(.horizontal)
                }
                // Large text scrolls, so the picture keeps its place.
                .frame(maxHeight: 280)
            }
            Button("Close") { dismiss() }.buttonStyle(.bordered).controlSize(.large).padding()
        }
        .task { await run() }
    }

    private func refused(_ words: LocalizedStringKey) -> some View {
        VStack(spacing: 16) {
            Text(words).multilineTextAlignment(.center).foregroundStyle(.white)
            if let settings = URL(string: UIApplication.openSettingsURLString) {
                Link("Allow the camera", destination: settings).buttonStyle(.borderedProminent)
            }
        }
        .padding()
        .frame(maxHeight: .infinity)
    }

    private func run() async {
        guard await AVCaptureDevice.requestAccess(for: .video) else {
            refusal = "The live picture needs permission to use the camera. You can still open pictures."
            return
        }
        do {
            for try await found in segmenter.segmentVideo(try camera.frames()) { result = found.segmentation }
        } catch {
            refusal = "No camera is available: \(error.localizedDescription)"
        }
    }
}

/// The live preview of the camera.
struct CameraPreview: UIViewRepresentable {
    let session: AVCaptureSession

    final class PreviewView: UIView {
        override static var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }
    }

    func makeUIView(context: Context) -> PreviewView {
        let view = PreviewView()
        if let layer = view.layer as? AVCaptureVideoPreviewLayer {
            layer.session = session
            layer.videoGravity = .resizeAspect
        }
        return view
    }

    func updateUIView(_ view: PreviewView, context: Context) {}
}
