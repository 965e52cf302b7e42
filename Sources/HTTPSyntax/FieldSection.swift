// The field lines of one head. The storage is made once a worker and used for every head.

/// Field lines by number; fixed capacity, owned.
@safe @usableFromInline package struct FieldSection: ~Copyable {
    @usableFromInline package let lines: UnsafeMutablePointer<FieldLine>
    @usableFromInline package let capacity: Int
    @usableFromInline package internal(set) var count = 0
    /// Bit n: a line with `FieldName(rawValue: n)`, spelled properly, is there.
    @usableFromInline package internal(set) var present: UInt64 = 0

    /// Room for `capacity` lines: the limit `fields`.
    package init(capacity: Int) {
        self.capacity = capacity
        unsafe lines = .allocate(capacity: capacity)
    }

    deinit { unsafe lines.deallocate() }

    /// The line at `index`, in the order of the head; traps out of bounds.
    @inlinable package subscript(index: Int) -> FieldLine {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such field line")
        return unsafe lines[index]
    }

    /// Forgets all lines; keeps the storage.
    @inlinable package mutating func removeAll() {
        count = 0
        present = 0
    }

    /// False where the section is full.
    @inlinable @inline(__always) package mutating func append(_ line: FieldLine) -> Bool {
        guard count < capacity else { return false }
        unsafe lines[count] = line
        count &+= 1
        if !line.isVariant { present |= 1 &<< UInt64(line.name.rawValue) }
        return true
    }

    /// Whether a line of that name, spelled properly, is there.
    @inlinable package func has(_ name: FieldName) -> Bool {
        (present &>> UInt64(name.rawValue)) & 1 != 0
    }

    /// Whether a line of one of both names, spelled properly, is there.
    @inlinable package func hasAny(of name: FieldName, _ other: FieldName) -> Bool {
        present & (1 &<< UInt64(name.rawValue) | 1 &<< UInt64(other.rawValue)) != 0
    }

    /// Whether a line of one of three names, spelled properly, is there.
    @inlinable package func hasAny(
        of name: FieldName, _ other: FieldName, _ third: FieldName
    ) -> Bool {
        let names =
            1 &<< UInt64(name.rawValue) | 1 &<< UInt64(other.rawValue)
            | 1 &<< UInt64(third.rawValue)
        return present & names != 0
    }

    /// The first line of that name, spelled properly.
    @inlinable package func first(_ name: FieldName) -> FieldLine? {
        guard has(name) else { return nil }
        var index = 0
        while index < count {
            let line = self[index]
            if line.name == name && !line.isVariant { return line }
            index &+= 1
        }
        return nil
    }
}
