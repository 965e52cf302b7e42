// Ideas of a path on the JDK's own server: contexts, and what handlers do with the URI.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

public class JdkServer {
    public static void main(String[] arguments) throws IOException {
        int port = Integer.parseInt(arguments[0]);
        System.setProperty("sun.net.httpserver.nodelay", "true");
        HttpServer server =
            HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/admin/", exchange -> answer(exchange, "context"));
        server.createContext("/tasks/", exchange -> answer(exchange, "context"));
        server.createContext("/", exchange -> answer(exchange, null));
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }

    private static boolean isAdmin(String path) {
        return path != null && (path + "/").matches("(?s)/(admin|tasks)/.*");
    }

    private static boolean startsIgnoringCase(String path) {
        return path.regionMatches(true, 0, "/admin/", 0, 7)
            || path.regionMatches(true, 0, "/tasks/", 0, 7);
    }

    private static String decode(String path) {
        return URLDecoder.decode(path, StandardCharsets.UTF_8);
    }

    private static void answer(HttpExchange exchange, String context) throws IOException {
        URI uri = exchange.getRequestURI();
        Map<String, Callable<String>> ideas = new LinkedHashMap<>();
        ideas.put("getPath", uri::getPath);
        ideas.put("getRawPath", uri::getRawPath);
        ideas.put("normalize", () -> uri.normalize().getPath());
        ideas.put("resolve", () -> URI.create("http://a.example/").resolve(uri).getPath());
        ideas.put("getPath, new URI, normalize", () -> new URI(uri.getPath()).normalize().getPath());
        ideas.put("URLDecoder", () -> decode(uri.getRawPath()));
        ideas.put("URLDecoder of getPath", () -> decode(uri.getPath()));
        ideas.put("URLDecoder, trim", () -> decode(uri.getRawPath()).trim());
        ideas.put("strip", () -> uri.getPath().strip());
        ideas.put("Path.normalize", () -> Path.of(uri.getPath()).normalize().toString());
        ideas.put("toLowerCase", () -> uri.getPath().toLowerCase(Locale.ROOT));
        ideas.put("regionMatches", () -> startsIgnoringCase(uri.getPath()) ? "/admin" : "");
        StringJoiner reached = new StringJoiner("; ", "admin: ", "").setEmptyValue("-");
        if (context != null) reached.add(context);
        ideas.forEach((name, idea) -> {
            try {
                if (isAdmin(idea.call())) reached.add(name);
            } catch (Exception refused) {
                // This idea has no answer for the path.
            }
        });
        exchange.getRequestBody().readAllBytes();
        exchange.getResponseHeaders().set("X-Reached", reached.toString());
        exchange.sendResponseHeaders(200, -1);
        exchange.close();
    }
}
