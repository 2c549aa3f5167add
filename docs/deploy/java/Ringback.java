import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.regex.*;

/**
 * Ringback for tests in Java 11 or newer, without a library: copy this file beside your tests. It needs `ringback` on the
 * PATH, or RINGBACK_COMMAND. The server ends with close(), and with this process.
 */
public final class Ringback implements AutoCloseable {
    private static final Pattern CONTROL = Pattern.compile("\"control\":\\s*\"([^\"]+)\"");
    private final HttpClient http = HttpClient.newHttpClient();
    private final Process process;
    private final String ready;

    public Ringback(String... arguments) throws Exception {
        String command = System.getenv().getOrDefault("RINGBACK_COMMAND", "ringback");
        List<String> words = new ArrayList<>(List.of(command.split(" ")));
        words.addAll(List.of("serve", "--port", "0", "--json", "--end-with-stdin"));
        words.addAll(List.of(arguments));
        process = new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), "UTF-8"));
        try {
            ready = CompletableFuture.supplyAsync(() -> line(output)).get(30, TimeUnit.SECONDS);
        } catch (Exception late) {
            process.destroy();
            throw late;
        }
    }

    /** The vendor's origin: put the vendor's whole path behind it. */
    public String url(String vendor) {
        Matcher origin = Pattern.compile("\"" + Pattern.quote(vendor) + "\":\\s*\"([^\"]+)\"").matcher(ready);
        if (!origin.find()) throw new IllegalArgumentException(vendor + ": no such vendor in " + ready);
        return origin.group(1);
    }

    /** A key that opens a world of its own. */
    public String space() throws Exception {
        String key = "test_" + UUID.randomUUID();
        control("POST", "/spaces", "{\"name\": \"" + key + "\"}");
        return key;
    }

    /** A call of the control API, which speaks JSON both ways. */
    public String control(String method, String path, String json) throws Exception {
        Matcher control = CONTROL.matcher(ready);
        if (!control.find()) throw new IllegalStateException(ready);
        var body = json == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(json);
        var asked = HttpRequest.newBuilder(URI.create(control.group(1) + path)).method(method, body)
            .header("Content-Type", "application/json").build();
        var answer = http.send(asked, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) throw new IOException(method + " " + path + ": " + answer.body());
        return answer.body();
    }

    @Override public void close() throws Exception {
        process.getOutputStream().close();
        process.waitFor();
    }

    private static String line(BufferedReader output) {
        try {
            String first = output.readLine();
            if (first == null) throw new IllegalStateException("ringback ended before it was ready, and said why");
            return first;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
