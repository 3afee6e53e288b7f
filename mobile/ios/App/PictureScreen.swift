import MCDRL
import PhotosUI
import PointOfCare
import SwiftUI

/// Shows a picture, the lesions in it and its disturbances.
struct PictureScreen: View {
    @EnvironmentObject private var model: AppModel
    @SwiftUI.State private var chosen: PhotosPickerItem?
    @SwiftUI.State private var opacity = 0.6
    @SwiftUI.State private var showsCamera = false

    var body: some View {
        NavigationStack {
            ScrollView {
                VStack(spacing: 14) {
                    stage
                    buttons
                    if case .shown(_, let result) = model.state {
                        if let hint = QualityHint.of(result.confounders) { HintView(hint: hint) }
                        LabeledContent("Overlay") { Slider(value: $opacity).accessibilityLabel("Overlay") }
                        UnfamiliarView(result: result)
                        FindingsCard(result: result)
                        DisturbancesCard(result: result)
                        ExportButtons(result: result)
                    }
                    Text("A research demonstration, not for clinical use.")
                        .font(.footnote).foregroundStyle(.secondary)
                }
                .padding()
            }
            .background(Color(.systemGroupedBackground))
            .navigationTitle("MCDRL")
            .fullScreenCover(isPresented: $showsCamera) {
                if let segmenter = model.session.segmenter { CameraScreen(segmenter: segmenter) }
            }
            .onChange(of: chosen) { item in
                guard let item else { return }
                model.open { try? await item.loadTransferable(type: Data.self) }
            }
        }
    }

    private var stage: some View {
        ZStack {
            Color.black
            switch model.state {
            case .loading: message("Loading the model…", busy: true)
            case .noModel(let reason): message("The model cannot be loaded: \(reason)")
            case .ready: message("Open a picture or point the camera. Nothing leaves this phone.")
            case .working(let photo): photo.map { photoView($0, nil) }; message("Segmenting…", busy: true)
            case .shown(let photo, let result): photoView(photo, result)
            case .noPicture(let reason?): message("The picture cannot be segmented: \(reason)")
            case .noPicture(nil): message("This file is not a readable picture.")
            }
        }
        .aspectRatio(1, contentMode: .fit)
        .clipShape(RoundedRectangle(cornerRadius: 18))
    }

    private func photoView(_ photo: Photo, _ result: Segmentation?) -> some View {
        ZStack {
            Image(uiImage: photo.image).resizable().scaledToFit()
            if let mask = result.flatMap(overlayImage) {
                Image(uiImage: mask).resizable().scaledToFit().opacity(opacity)
            }
        }
        .accessibilityElement()
        .accessibilityLabel(spoken(result))
    }

    private func spoken(_ result: Segmentation?) -> Text {
        let names = result?.findings.map(\.share.name).joined(separator: ", ") ?? ""
        return Text("Picture. ") + Text(names.isEmpty ? "No lesion found" : names)
    }

    private func message(_ words: LocalizedStringKey, busy: Bool = false) -> some View {
        VStack(spacing: 16) {
            if busy { ProgressView().tint(.white) }
            Text(words).multilineTextAlignment(.center).foregroundStyle(.white).padding()
        }
    }

    private var buttons: some View {
        HStack(spacing: 12) {
            if case .noModel = model.state {
                Button("Try again") { model.session.start() }.buttonStyle(.borderedProminent)
            } else {
                PhotosPicker(selection: $chosen, matching: .images) {
                    Text("Open picture").frame(maxWidth: .infinity)
                }
                .buttonStyle(.borderedProminent)
            }
            Button { showsCamera = true } label: { Text("Camera").frame(maxWidth: .infinity) }
                .buttonStyle(.bordered)
                .disabled(model.session.segmenter == nil)
        }
        .controlSize(.large)
    }
}

/// Draws a mask as an image to show over its picture.
func overlayImage(_ result: Segmentation) -> UIImage? {
    let pixels = overlay(mask: result.categoryMask, width: result.width, height: result.height)
    guard let provider = CGDataProvider(data: Data(pixels) as CFData) else { return nil }
    let image = CGImage(
        width: result.width, height: result.height, bitsPerComponent: 8, bitsPerPixel: 32,
        bytesPerRow: 4 * result.width, space: CGColorSpaceCreateDeviceRGB(),
        bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue), provider: provider,
        decode: nil, shouldInterpolate: true, intent: .defaultIntent)
    return image.map { UIImage(cgImage: $0) }
}
