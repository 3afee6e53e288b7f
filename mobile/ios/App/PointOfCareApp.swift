import MCDRL
import PointOfCare
import SwiftUI

@main
struct PointOfCareApp: App {
    @StateObject private var model = AppModel()

    var body: some Scene {
        WindowGroup {
            PictureScreen().environmentObject(model).onAppear { model.session.start() }
        }
    }
}

/// A picture on a screen.
struct Photo: Sendable {
    let image: UIImage
}

/// The session as an observable object.
@MainActor
final class AppModel: ObservableObject {
    @Published private(set) var state: PointOfCare.State<Photo> = .loading

    let session = Session<Photo> {
        guard let model = Bundle.main.url(forResource: "demo", withExtension: "safetensors") else {
            throw CocoaError(.fileNoSuchFile)
        }
        return ImageSegmenterOptions(model: model)
    }

    init() {
        session.onChange = { [weak self] state in self?.state = state }
    }

    /// Segments a picture from the photo library.
    func open(_ data: @escaping @Sendable () async -> Data?) {
        session.open {
            guard let data = await data(), let image = UIImage(data: data)?.upright(), let pixels = image.cgImage,
                let frame = Frame(pixels)
            else { return nil }
            return (Photo(image: image), frame)
        }
    }
}

extension UIImage {
    /// Draws the image upright, with at most 2048 pixels a side. A larger picture needs more memory and gives no better mask.
    func upright() -> UIImage {
        let longest = max(size.width * scale, size.height * scale)
        let factor = min(1, 2048 / longest)
        let target = CGSize(width: size.width * scale * factor, height: size.height * scale * factor)
        let format = UIGraphicsImageRendererFormat()
        format.scale = 1
        format.opaque = true
        return UIGraphicsImageRenderer(size: target, format: format).image { _ in
            draw(in: CGRect(origin: .zero, size: target))
        }
    }
}
