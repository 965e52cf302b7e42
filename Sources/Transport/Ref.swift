// Connections live in storage of their own and are passed about by address: a callback gets one
// back from C for the price of a load, and nothing on the request path counts references.

/// The address of a value that its maker allocated and will free with `destroy`.
///
/// Whoever holds a `Ref` knows that the value outlives the callback it runs in: a worker frees a
/// connection only between two iterations of its loop.
@safe @frozen @usableFromInline package struct Ref<Value: ~Copyable>: Equatable {
    @usableFromInline let pointer: UnsafeMutablePointer<Value>

    /// Moves `value` to storage of its own.
    package static func make(_ value: consuming Value) -> Ref {
        let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        unsafe pointer.initialize(to: value)
        return unsafe Ref(pointer: pointer)
    }

    /// Makes a value that needs to know its own address, such as one that registers callbacks.
    package static func make(_ build: (_ context: UnsafeMutableRawPointer) -> Value) -> Ref {
        let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        let value = unsafe build(UnsafeMutableRawPointer(pointer))
        unsafe pointer.initialize(to: value)
        return unsafe Ref(pointer: pointer)
    }

    @inlinable init(pointer: UnsafeMutablePointer<Value>) { unsafe self.pointer = pointer }

    /// Recovers what `context` was made of.
    @inlinable package init(context: UnsafeMutableRawPointer) {
        unsafe pointer = context.assumingMemoryBound(to: Value.self)
    }

    /// What a C callback is given to find this value again.
    @inlinable package var context: UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(pointer)
    }

    /// The value in its place; every access is to one field and ends at once.
    @inlinable package var value: Value {
        @_transparent unsafeAddress { unsafe UnsafePointer(pointer) }
        @_transparent nonmutating unsafeMutableAddress { unsafe pointer }
    }

    /// Destroys the value and frees its storage; no copy of this address may be used again.
    package func destroy() {
        unsafe pointer.deinitialize(count: 1)
        unsafe pointer.deallocate()
    }

    @inlinable package static func == (left: Ref, right: Ref) -> Bool {
        unsafe left.pointer == right.pointer
    }
}
