import CoreTransferable
import UIKit
import UniformTypeIdentifiers

/// A mask as other apps get it: a PNG file, grey, a class's number for every pixel.
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
