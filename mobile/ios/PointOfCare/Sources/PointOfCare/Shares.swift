import Foundation
import MCDRL

/// Formats a share: `4.2 %`, `35 %`.
public func percent(_ share: Float) -> String {
    share < 0.0995 ? String(format: "%.1f %%", 100 * share) : "\(Int((100 * share).rounded())) %"
}

extension Segmentation {
    /// The classes that were found, each with its mask value.
    public var findings: [(value: Int, share: ClassShare)] {
        zip(1..., classes).filter { $0.1.fraction > 0 }.map { (value: $0.0, share: $0.1) }
    }
}
