// libFuzzer with a target of ours: `fuzz TARGET [option of libFuzzer | file | folder]…`. Without a
// target it lists them. See Fuzz/README.md; `make fuzz` knows the options.

import FuzzTargets
import Glibc

/// LLVMFuzzerRunDriver of libclang_rt.fuzzer_no_main; calls `check` for each input.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argc: UnsafeMutablePointer<CInt>,
    _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ check: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What this process runs; set once, before libFuzzer begins.
private nonisolated(unsafe) var target = FuzzTarget.all[0]

private func check(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // libFuzzer lends `count` bytes from `start` on.
    let bytes = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    do throws(Finding) {
        try unsafe target.run(bytes)
    } catch {
        fatalError("\(error)")
    }
    return 0
}

/// How a process that libFuzzer starts from this one learns its target.
private let variable = "METHODGATE_FUZZ_TARGET"

/// The target that the first argument names, or the process that started this one; nil where
/// neither does. The second value is how many arguments that took.
private func chosenTarget() -> (FuzzTarget, Int)? {
    func target(_ name: String?) -> FuzzTarget? { FuzzTarget.all.first { $0.name == name } }
    if let named = target(CommandLine.arguments.dropFirst().first) { return (named, 1) }
    return unsafe getenv(variable).flatMap { unsafe target(String(cString: $0)) }.map { ($0, 0) }
}

private func start() -> CInt {
    guard let (chosen, used) = chosenTarget() else {
        for target in FuzzTarget.all { print(target.name, target.longest) }
        return CommandLine.arguments.count > 1 ? 2 : 0
    }
    unsafe target = chosen
    unsafe setenv(variable, chosen.name, 1)
    // Swift's own handlers would print a trace and keep libFuzzer from saving the input.
    for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGQUIT] {
        _ = signal(number, SIG_DFL)
    }
    var argc = CommandLine.argc - CInt(used)
    // The process's own, which last as long as it does.
    var argv = unsafe CommandLine.unsafeArgv + used
    unsafe argv[0] = CommandLine.unsafeArgv[0]
    return unsafe runDriver(&argc, &argv) { unsafe check($0, $1) }
}

exit(start())
