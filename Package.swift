// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is compiled the same strict way: warnings are errors, unsafe code is
/// marked where it stands, imports say what leaks out of a module.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [],
    resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
        ])
}

/// The fuzzers link against libFuzzer, which only `scripts/fuzz.sh` knows how to find.
let fuzzers: [Target] =
    Context.environment["METHODGATE_FUZZ"] == nil
    ? []
    : [
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Driver",
            swiftSettings: strict)
    ]

let package = Package(
    name: "methodgate",
    products: [.executable(name: "methodgate", targets: ["methodgate"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(
            name: "CLibevent", pkgConfig: "libevent_core", providers: [.apt(["libevent-dev"])]),
        .systemLibrary(
            name: "CLibeventExtra", pkgConfig: "libevent_extra", providers: [.apt(["libevent-dev"])]
        ),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(
            name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CVector"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        library("HTTPSyntax"),
        library("Memory", ["CLinux"]),
        library("Policy", ["HTTPSyntax", "Memory"]),
        library("HTTP1", ["HTTPSyntax", "CVector"]),
        library("HTTP2", ["HTTPSyntax", "CNGHTTP2"]),
        library("TLS", ["COpenSSL", "Memory"]),
        library("Transport", ["CLibevent", "COpenSSL", "HTTPSyntax", "TLS"]),
        library("Digest", ["COpenSSL", "HTTPSyntax"]),
        library(
            "Configuration", ["Policy", "HTTPSyntax", "Digest", "TLS", "CYAML", "Memory"]),
        library("Audit", ["Policy", "HTTPSyntax", "Digest", "Memory", "CLinux"]),
        library(
            "Gateway",
            [
                "HTTPSyntax", "Policy", "HTTP1", "HTTP2", "Transport", "Configuration", "Audit",
                "Digest", "TLS", "Memory",
            ]),
        library(
            "Control",
            [
                "Gateway", "Transport", "Configuration", "Policy", "HTTPSyntax", "Audit",
                "CLibeventExtra",
            ]),
        .executableTarget(
            name: "methodgate",
            dependencies: [
                "HTTPSyntax", "Policy", "HTTP1", "Transport", "Configuration", "Digest", "Audit",
                "Gateway", "Control", "TLS", "Memory",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),

        .executableTarget(
            name: "MatchBenchmark", dependencies: ["HTTPSyntax", "Policy"],
            path: "Benchmarks/MatchBenchmark", swiftSettings: strict),

        .target(
            name: "FuzzTargets",
            dependencies: [
                "HTTPSyntax", "HTTP1", "HTTP2", "Policy", "Configuration", "Gateway", "StrictHTTP",
                "TLS", "Transport", "Memory",
            ], path: "Fuzz/Targets", swiftSettings: strict),
        .executableTarget(
            name: "PathProperty", dependencies: ["FuzzTargets", "HTTPSyntax"],
            path: "Fuzz/PathProperty",
            swiftSettings: strict),

        tests("HTTPSyntax", ["HTTPSyntax"]),
        tests("Policy", ["Policy", "HTTPSyntax", "Memory"]),
        tests("HTTP1", ["HTTP1", "HTTPSyntax", "Memory"]),
        tests("HTTP2", ["HTTP2", "HTTPSyntax", "TestSupport"]),
        tests(
            "Configuration",
            ["Configuration", "Policy", "HTTPSyntax", "Digest", "TLS", "TestSupport"],
            resources: [.copy("Broken")]),
        tests("Audit", ["Audit", "Policy", "HTTPSyntax", "Digest", "Memory"]),
        tests("TLS", ["TLS", "TestSupport", "COpenSSL"]),
        tests("Transport", ["Transport", "HTTPSyntax", "TLS", "Memory", "COpenSSL"]),
        tests("Control", ["Control", "Audit", "Transport", "TestSupport", "CLibevent"]),
        tests(
            "Gateway",
            [
                "Gateway", "Transport", "HTTP1", "Policy", "HTTPSyntax", "Configuration", "Audit",
                "Memory",
            ]),
        .target(name: "StrictHTTP", path: "Tests/StrictHTTP", swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["StrictHTTP", "COpenSSL", "CNGHTTP2", "TLS"],
            path: "Tests/TestSupport",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ]),
        tests("EndToEnd", ["methodgate", "TestSupport", "TLS", "Digest", "HTTPSyntax", "Memory"]),
        tests(
            "Conformance", ["methodgate", "TestSupport", "TLS"], exclude: ["Cases", "README.md"]),
        tests("Fuzz", ["FuzzTargets", "HTTPSyntax"]),
    ] + fuzzers,
    swiftLanguageModes: [.v6]
)
