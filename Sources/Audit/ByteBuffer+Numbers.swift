// Numbers in records, without a division by anything but a constant.

import HTTPSyntax

extension ByteBuffer {
    /// Appends a number below 1,000,000 as six digits.
    mutating func appendSixDigits(_ number: UInt32) {
        let space = space(atLeast: 6)
        var rest = number
        var index = 5
        while index >= 0 {
            space[index] = UInt8(truncatingIfNeeded: 0x30 &+ rest % 10)
            rest /= 10
            index -= 1
        }
        didFill(6)
    }

    /// Appends a number in decimal digits.
    mutating func append(number: UInt64) {
        var length = 1
        var bound: UInt64 = 10
        while length < 20, number >= bound {
            length += 1
            (bound, _) = bound.multipliedReportingOverflow(by: 10)
        }
        let space = space(atLeast: length)
        var rest = number
        var index = length - 1
        while index >= 0 {
            space[index] = UInt8(truncatingIfNeeded: 0x30 &+ rest % 10)
            rest /= 10
            index -= 1
        }
        didFill(length)
    }
}
