// The parts of PhotosUI that the app uses.
@_exported import SwiftUI

public struct PhotosPickerItem: Equatable, Sendable {
    public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? { fatalError() }
}

public struct PHPickerFilter {
    public static var images: PHPickerFilter { fatalError() }
}

public struct PhotosPicker<Content: View>: Drawn {
    public init(
        selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter? = nil,
        @ViewBuilder label: () -> Content
    ) {}
}
