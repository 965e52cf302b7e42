# Rack::MethodOverride, as Rails and Sinatra have it, behind a server of its own of a few lines.
require "rack"
require "socket"
require "stringio"

def answer(head, content)
  line, *lines = head.split("\r\n")
  method, target, = line.split(" ", 3)
  path, query = target.split("?", 2)
  env = { "REQUEST_METHOD" => method, "PATH_INFO" => path, "QUERY_STRING" => query || "", "SCRIPT_NAME" => "",
          "SERVER_NAME" => "a.example", "SERVER_PORT" => "80", "rack.url_scheme" => "http",
          "rack.input" => StringIO.new(content.b), "rack.errors" => StringIO.new, "rack.version" => [1, 3] }
  lines.each do |field|
    name, value = field.split(":", 2)
    key = name.upcase.tr("-", "_")
    key = "HTTP_" + key unless %w[CONTENT_TYPE CONTENT_LENGTH].include?(key)
    env[key] = env[key] ? env[key] + ", " + value.strip : value.strip
  end
  reached = []
  app = ->(seen) { reached << "Rack::MethodOverride" if seen["REQUEST_METHOD"] == "DELETE"; [200, {}, []] }
  [-> { Rack::MethodOverride.new(app).call(env.dup) },
   # Sinatra and Rails merge the query.
   -> { reached << "params" if Rack::Request.new(env.dup).params["_method"].to_s.strip.upcase == "DELETE" }].each do |idea|
    env["rack.input"].rewind
    begin
      idea.call
    rescue StandardError
      next
    end
  end
  reached.empty? ? "-" : "admin: " + reached.join("; ")
end

def talk(client)
  client.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
  while (head = client.gets("\r\n\r\n"))
    length = head[/^content-length: *(\d+)/i, 1].to_i
    content = length.zero? ? "" : client.read(length)
    break if content.nil? || content.bytesize < length
    client.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Reached: #{answer(head.chomp("\r\n\r\n"), content)}\r\n\r\n")
  end
rescue SystemCallError, IOError
  nil
ensure
  client.close
end

server = TCPServer.new("127.0.0.1", ARGV[0].to_i)
loop { Thread.new(server.accept) { |client| talk(client) } }
