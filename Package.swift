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
            .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
        ])
}

let package = Package(
    name: "methodgate",
    products: [.executable(name: "methodgate", targets: ["methodgate"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        .systemLibrary(name: "CLibevent", pkgConfig: "libevent_core", providers: [.apt(["libevent-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        library("HTTPSyntax"),
        library("Policy", ["HTTPSyntax"]),
        library("HTTP1", ["HTTPSyntax"]),
        library("Transport", ["CLibevent", "HTTPSyntax"]),
        library("Digest", ["COpenSSL", "HTTPSyntax"]),
        library("Configuration", ["Policy", "HTTPSyntax", "Digest", "CYAML"]),
        library("Audit", ["Policy", "HTTPSyntax", "Digest", "CLinux"]),
        library(
            "Gateway",
            ["HTTPSyntax", "Policy", "HTTP1", "Transport", "Configuration", "Audit", "Digest"]),
        .executableTarget(
            name: "methodgate",
            dependencies: [
                "HTTPSyntax", "Policy", "HTTP1", "Transport", "Configuration", "Digest", "Audit",
                "Gateway",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], swiftSettings: strict),

        .executableTarget(
            name: "MatchBenchmark", dependencies: ["HTTPSyntax", "Policy"],
            path: "Benchmarks/MatchBenchmark", swiftSettings: strict),

        tests("HTTPSyntax", ["HTTPSyntax"]),
        tests("Policy", ["Policy", "HTTPSyntax"]),
        tests("HTTP1", ["HTTP1", "HTTPSyntax"]),
        tests(
            "Configuration", ["Configuration", "Policy", "HTTPSyntax", "Digest"],
            resources: [.copy("Broken")]),
        tests("Audit", ["Audit", "Policy", "HTTPSyntax", "Digest"]),
        tests("Transport", ["Transport", "HTTPSyntax"]),
        tests(
            "Gateway",
            ["Gateway", "Transport", "HTTP1", "Policy", "HTTPSyntax", "Configuration", "Audit"]),
        .target(
            name: "TestSupport", path: "Tests/TestSupport",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
            ]),
        tests("EndToEnd", ["methodgate", "TestSupport"]),
        tests("Conformance", ["methodgate", "TestSupport"], exclude: ["Cases", "README.md"]),
    ],
    swiftLanguageModes: [.v6]
)
