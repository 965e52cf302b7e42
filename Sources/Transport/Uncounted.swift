/// An object reached without touching its reference count: for what lives longer than everyone
/// who asks, on paths where two atomic operations a request are two too many.
///
/// The holder vouches for the object's life, by keeping a counted reference beside this one or by
/// never giving the object up.
@safe package struct Uncounted<Object: AnyObject> {
    private let reference: Unmanaged<Object>

    /// Something else keeps `object` alive.
    package init(keptElsewhere object: Object) { unsafe reference = .passUnretained(object) }

    /// `object` is never given up.
    package init(forever object: Object) { unsafe reference = .passRetained(object) }

    /// Lends the object for the duration of `body`.
    @inline(__always) package func with<Result>(_ body: (Object) -> Result) -> Result {
        unsafe reference._withUnsafeGuaranteedRef(body)
    }
}
