// The fields the gate itself reads, writes or removes, as numbers: a head is parsed once and
// later asked by number, never by comparing names again.

/// A field name known to the gate; `other` is every name it forwards without a look.
///
/// A name is compared without case and with `_` read as `-`, because back-ends that follow
/// CGI (RFC 3875 §4.1.18) cannot tell the two apart: see `FieldLine.isVariant`.
@usableFromInline package enum FieldName: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case other
    // Framing and routing
    case host, contentLength, transferEncoding, expect, upgrade, maxForwards
    // Hop by hop (RFC 9110 §7.6.1)
    case connection, keepAlive, proxyConnection, te, trailer
    case proxyAuthenticate, proxyAuthorization, http2Settings
    // Written by the gate
    case via, forwarded, xForwardedFor, xForwardedProto, xForwardedHost
    case xForwardedPort, xForwardedServer, xRealIP, xClientSubject
    /// Any other name that begins with `X-Forwarded`.
    case xForwardedOther
    // Overrides of method or path, and httpoxy
    case xHTTPMethodOverride, xHTTPMethod, xMethodOverride
    case xOriginalURL, xRewriteURL, proxy, scriptName, pathInfo
    // Read for rejections, preflights and records
    case accept, origin, accessControlRequestMethod, userAgent, xRequestID, traceparent
    case contentType, authorization, cookie
    // Responses
    case allow, accessControlAllowMethods, date, location, setCookie, methodgateEvent
    case proxyStatus

    /// The names that override the method, as bits of `FieldSection.present`.
    @inlinable package static var methodOverrides: UInt64 {
        1 &<< UInt64(FieldName.xHTTPMethodOverride.rawValue)
            | 1 &<< UInt64(FieldName.xHTTPMethod.rawValue)
            | 1 &<< UInt64(FieldName.xMethodOverride.rawValue)
    }
    /// The names that are removed unless a rule says otherwise, likewise.
    @inlinable package static var removedByRule: UInt64 {
        methodOverrides | 1 &<< UInt64(FieldName.xOriginalURL.rawValue)
            | 1 &<< UInt64(FieldName.xRewriteURL.rawValue)
            | 1 &<< UInt64(FieldName.proxy.rawValue)
    }

    /// Whether it overrides the method.
    @inlinable package var isMethodOverride: Bool {
        (FieldName.methodOverrides &>> UInt64(rawValue)) & 1 != 0
    }

    /// The name as it is written on the wire.
    package var name: StaticString {
        switch self {
        case .other: ""
        case .host: "Host"
        case .contentLength: "Content-Length"
        case .transferEncoding: "Transfer-Encoding"
        case .expect: "Expect"
        case .upgrade: "Upgrade"
        case .maxForwards: "Max-Forwards"
        case .connection: "Connection"
        case .keepAlive: "Keep-Alive"
        case .proxyConnection: "Proxy-Connection"
        case .te: "TE"
        case .trailer: "Trailer"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .proxyAuthorization: "Proxy-Authorization"
        case .http2Settings: "HTTP2-Settings"
        case .via: "Via"
        case .forwarded: "Forwarded"
        case .xForwardedFor: "X-Forwarded-For"
        case .xForwardedProto: "X-Forwarded-Proto"
        case .xForwardedHost: "X-Forwarded-Host"
        case .xForwardedPort: "X-Forwarded-Port"
        case .xForwardedServer: "X-Forwarded-Server"
        case .xRealIP: "X-Real-IP"
        case .xClientSubject: "X-Client-Subject"
        case .xForwardedOther: "X-Forwarded"
        case .xHTTPMethodOverride: "X-HTTP-Method-Override"
        case .xHTTPMethod: "X-HTTP-Method"
        case .xMethodOverride: "X-Method-Override"
        case .xOriginalURL: "X-Original-URL"
        case .xRewriteURL: "X-Rewrite-URL"
        case .proxy: "Proxy"
        case .scriptName: "Script-Name"
        case .pathInfo: "Path-Info"
        case .accept: "Accept"
        case .origin: "Origin"
        case .accessControlRequestMethod: "Access-Control-Request-Method"
        case .userAgent: "User-Agent"
        case .xRequestID: "X-Request-Id"
        case .traceparent: "traceparent"
        case .contentType: "Content-Type"
        case .authorization: "Authorization"
        case .cookie: "Cookie"
        case .allow: "Allow"
        case .accessControlAllowMethods: "Access-Control-Allow-Methods"
        case .date: "Date"
        case .location: "Location"
        case .setCookie: "Set-Cookie"
        case .methodgateEvent: "Methodgate-Event"
        case .proxyStatus: "Proxy-Status"
        }
    }

    /// The name as HTTP/2 has it, of those that most answers have; nil of all others.
    @inlinable package var fieldName: StaticString? {
        switch self {
        case .contentType: "content-type"
        case .contentLength: "content-length"
        case .date: "date"
        case .location: "location"
        case .setCookie: "set-cookie"
        case .allow: "allow"
        default: nil
        }
    }
}
