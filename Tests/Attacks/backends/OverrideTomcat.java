// The parameters that Tomcat reads for Spring's HiddenHttpMethodFilter: query, form and parts.

import jakarta.servlet.MultipartConfigElement;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.Part;
import java.io.File;
import java.util.Locale;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

public class OverrideTomcat {
    static class Servlet extends HttpServlet {
        @Override
        protected void service(HttpServletRequest request, HttpServletResponse response) {
            String reached = "";
            try {
                for (Part part : request.getParts()) {
                    String value = new String(part.getInputStream().readAllBytes());
                    if ("_method".equals(part.getName()) && isDelete(value)) reached += "; part";
                }
            } catch (Exception e) {
                // No parts, or none that it can read.
            }
            if (isDelete(request.getParameter("_method"))) reached += "; getParameter";
            if (isDelete(request.getHeader("X-HTTP-Method-Override"))) reached += "; field";
            response.setHeader("X-Reached", reached.isEmpty() ? "-" : "admin: " + reached);
            response.setContentLength(0);
        }

        private static boolean isDelete(String value) {
            return value != null && value.trim().toUpperCase(Locale.ENGLISH).equals("DELETE");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(arguments[1]);
        Connector connector = new Connector();
        connector.setPort(Integer.parseInt(arguments[0]));
        connector.setProperty("address", "127.0.0.1");
        connector.setProperty("maxKeepAliveRequests", "-1");
        tomcat.setConnector(connector);
        Context context = tomcat.addContext("", new File(arguments[1]).getAbsolutePath());
        context.setAllowCasualMultipartParsing(true);
        Wrapper wrapper = Tomcat.addServlet(context, "items", new Servlet());
        wrapper.setMultipartConfigElement(new MultipartConfigElement(arguments[1]));
        context.addServletMappingDecoded("/*", "items");
        tomcat.start();
        tomcat.getServer().await();
    }
}
