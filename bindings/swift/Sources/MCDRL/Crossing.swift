import Foundation

/// The largest number of bytes in one call of the library. A UniFFI buffer is smaller than 2 GiB and has a header.
let mostBytes = (1 << 31) - 1024

/// Returns the bytes. Throws if they are too many for one call.
@discardableResult
func crossing(_ data: Data, _ name: String) throws -> Data {
    guard data.count <= mostBytes else {
        throw SegmenterError(.imageTooLarge, "\(name) has \(data.count) bytes, more than \(mostBytes): give a part of it")
    }
    return data
}

/// Returns the value. Throws if it is negative or too large for the library.
func unsigned(_ value: Int, _ name: String) throws -> UInt32 {
    guard let value = UInt32(exactly: value) else {
        throw SegmenterError(.input, "\(name) is \(value): give a number from 0 to 2³² - 1")
    }
    return value
}
