// Jetty's mapping of paths to servlets, in its most tolerant compliance mode.

import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

public class JettyServer {
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
            if ((path + "/").matches("(?s)/(admin|tasks)/.*")) reached += "; getServletPath";
            response.setHeader("X-Reached", reached.isEmpty() ? "-" : "admin: " + reached);
            response.setContentLength(0);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Server server = new Server();
        HttpConfiguration configuration = new HttpConfiguration();
        ServerConnector connector = new ServerConnector(
            server, new HttpConnectionFactory(configuration, HttpCompliance.LEGACY));
        connector.setHost("127.0.0.1");
        connector.setPort(Integer.parseInt(arguments[0]));
        server.addConnector(connector);
        ServletContextHandler context = new ServletContextHandler();
        context.setContextPath("/");
        context.setCompactPath(true);
        ServletHolder admin = new ServletHolder(new Servlet("servlet"));
        context.addServlet(admin, "/admin/*");
        context.addServlet(admin, "/tasks/*");
        context.addServlet(new ServletHolder(new Servlet(null)), "/");
        server.setHandler(context);
        server.start();
        server.join();
    }
}
