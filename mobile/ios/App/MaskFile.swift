import CoreTransferable
import UIKit
import UniformTypeIdentifiers

/// A mask as a PNG file for other apps. The grey value of a pixel is its class.
struct MaskFile: Transferable {
    let image: CGImage

    static var transferRepresentation: some TransferRepresentation {
        DataRepresentation(exportedContentType: .png) { (mask: MaskFile) in
            guard let png = UIImage(cgImage: mask.image).pngData() else { throw CocoaError(.fileWriteUnknown) }
            return png
        }
        .suggestedFileName("mask.png")
    }
}
