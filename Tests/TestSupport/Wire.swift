// What a test that talks to the gate needs of messages comes with the sockets.

@_exported import StrictHTTP
