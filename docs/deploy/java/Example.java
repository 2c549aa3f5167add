import java.net.URI;
import java.net.http.*;

// javac *.java && java Example
public final class Example {
    public static void main(String[] arguments) throws Exception {
        try (var ringback = new Ringback("--seed", "7")) {
            String key = ringback.space();
            String busy = "{\"space\": \"" + key + "\", \"provider\": \"vogent\", \"operation\": \"listPhoneNumbers\","
                + " \"answer\": {\"status\": 429}, \"times\": 2}";
            ringback.control("POST", "/faults", busy);
            for (int attempt = 1; attempt <= 3; attempt++) System.out.println(numbers(ringback.url("vogent"), key));
            System.out.println(ringback.control("GET", "/requests/count?space=" + key, null));
        }
    }

    /** Stands for the code under test: it only knows a base address and a key. */
    private static int numbers(String url, String key) throws Exception {
        var asked = HttpRequest.newBuilder(URI.create(url + "/api/phone_numbers")).header("Authorization", "Bearer " + key);
        return HttpClient.newHttpClient().send(asked.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    }
}
