// Tomcat's mapping of paths to servlets, as tolerant as its settings allow.

import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.File;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.util.buf.EncodedSolidusHandling;

public class TomcatServer {
    static class Servlet extends HttpServlet {
        private final String name;

        Servlet(String name) {
            this.name = name;
        }

        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) {
            String reached = name == null ? "" : name;
            String path = request.getServletPath()
                + (request.getPathInfo() == null ? "" : request.getPathInfo());
            if (isAdmin(path)) reached += "; getServletPath";
            if (isAdmin(request.getRequestURI())) reached += "; getRequestURI";
            if (isAdmin(path.trim())) reached += "; trim";
            response.setHeader("X-Reached", reached.isEmpty() ? "-" : "admin: " + reached);
            response.setContentLength(0);
        }

        private static boolean isAdmin(String path) {
            return (path + "/").matches("(?s)/(admin|tasks)/.*");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(arguments[1]);
        Connector connector = new Connector();
        connector.setPort(Integer.parseInt(arguments[0]));
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("maxKeepAliveRequests", "-1");
        connector.setProperty("relaxedPathChars", "\"<>[\\]^`{|}");
        connector.setProperty("allowBackslash", "true");
        connector.setProperty("rejectSuspiciousURIs", "false");
        connector.setEncodedSolidusHandling(EncodedSolidusHandling.DECODE.getValue());
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", new File(arguments[1]).getAbsolutePath());
        Tomcat.addServlet(context, "admin", new Servlet("servlet"));
        Tomcat.addServlet(context, "other", new Servlet(null));
        context.addServletMappingDecoded("/admin/*", "admin");
        context.addServletMappingDecoded("/tasks/*", "admin");
        context.addServletMappingDecoded("/", "other");
        tomcat.start();
        tomcat.getServer().await();
    }
}
