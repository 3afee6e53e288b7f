// The parts of CoreTransferable that the app uses.
import UniformTypeIdentifiers

public protocol Transferable {
    associatedtype Representation: TransferRepresentation
    static var transferRepresentation: Representation { get }
}

public protocol TransferRepresentation: Sendable {
    associatedtype Item: Transferable
}
extension TransferRepresentation {
    public func suggestedFileName(_ name: String) -> some TransferRepresentation { self }
}

public struct DataRepresentation<Item: Transferable>: TransferRepresentation {
    public init(
        exportedContentType: UTType, exporting: @escaping @Sendable (Item) async throws -> Data
    ) {}
}

extension Data: Transferable {
    public static var transferRepresentation: some TransferRepresentation {
        DataRepresentation<Data>(exportedContentType: .png) { $0 }
    }
}
