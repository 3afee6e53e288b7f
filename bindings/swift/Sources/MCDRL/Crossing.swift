import Foundation

// What the border to the library has room for.

/// What crosses at once, with what stands around it, is below 2 GiB.
let mostBytes = (1 << 31) - 1024

/// The bytes, unless they are too many to cross.
@discardableResult
func crossing(_ data: Data, _ name: String) throws -> Data {
    guard data.count <= mostBytes else {
        throw SegmenterError(.imageTooLarge, "\(name) has \(data.count) bytes, of at most \(mostBytes): give a part of it")
    }
    return data
}

func unsigned(_ value: Int, _ name: String) throws -> UInt32 {
    guard let value = UInt32(exactly: value) else {
        throw SegmenterError(.input, "\(name) is \(value): give a number from 0 to 2³² - 1")
    }
    return value
}
