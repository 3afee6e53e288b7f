// The parts of UIKit that the app uses.
@_exported import CoreGraphics

public final class UIImage: Sendable {
    public init?(data: Data) {}
    public init(cgImage: CGImage) {}
    public var cgImage: CGImage? { fatalError() }
    public var size: CGSize { fatalError() }
    public var scale: CGFloat { fatalError() }
    public func pngData() -> Data? { fatalError() }
    public func draw(in place: CGRect) {}
}

public final class UIGraphicsImageRendererFormat {
    public init() {}
    public var scale: CGFloat = 1
    public var opaque = false
}

public final class UIGraphicsImageRendererContext {}

public final class UIGraphicsImageRenderer {
    public init(size: CGSize, format: UIGraphicsImageRendererFormat) {}
    public func image(actions: (UIGraphicsImageRendererContext) -> Void) -> UIImage { fatalError() }
}

@MainActor
public final class UIApplication {
    public nonisolated static let openSettingsURLString = ""
}

open class CALayer {
    public init() {}
}

@MainActor
open class UIView {
    public init() {}
    open class var layerClass: AnyClass { CALayer.self }
    public var layer: CALayer { fatalError() }
}

public final class UIColor: Sendable {
    public static let secondarySystemGroupedBackground = UIColor()
    public static let systemGroupedBackground = UIColor()
}
