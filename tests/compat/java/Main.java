import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Runs the Java client's cases, one at a time, in one process.
 *
 * <p>{@code Main --list} prints the names of all cases for one broker, {@code Main --list-racks}
 * those for several in racks. {@code Main HOST:PORT} reads names of either kind from stdin and answers each with one line on stdout: {@code PASS name}, or {@code FAIL name reason}
 * with line breaks written as {@code \n}. What the client library logs goes to stderr.
 */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws IOException {
        Map<String, Case> cases = cases();
        Map<String, Case> rackCases = new LinkedHashMap<>();
        RackCases.addTo(rackCases);
        PrintStream answers = System.out;
        switch (arguments[0]) {
            case "--list" -> {
                cases.keySet().forEach(answers::println);
                return;
            }
            case "--list-racks" -> {
                rackCases.keySet().forEach(answers::println);
                return;
            }
            default -> cases.putAll(rackCases);
        }
        BufferedReader names = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Lab lab = new Lab(arguments[0]);
        for (String name = names.readLine(); name != null; name = names.readLine()) {
            answers.println(outcome(name, cases.get(name), lab));
            answers.flush();
        }
    }

    private static Map<String, Case> cases() {
        Map<String, Case> cases = new LinkedHashMap<>();
        ProducerCases.addTo(cases);
        ConsumerCases.addTo(cases);
        GroupCases.addTo(cases);
        AdminCases.addTo(cases);
        ConfigCases.addTo(cases);
        TransactionCases.addTo(cases);
        return cases;
    }

    private static String outcome(String name, Case test, Lab lab) {
        if (test == null) {
            return "FAIL " + name + " there is no such case";
        }
        try {
            test.run(lab);
            return "PASS " + name;
        } catch (Exception | AssertionError failure) {
            return "FAIL " + name + " " + description(failure).replace("\n", "\\n");
        }
    }

    private static String description(Throwable failure) {
        StringBuilder text = new StringBuilder(failure.toString());
        for (StackTraceElement frame : failure.getStackTrace()) {
            if (frame.getFileName() != null && frame.getFileName().endsWith("Cases.java")) {
                text.append("\n  at ").append(frame);
            }
        }
        if (failure.getCause() != null) {
            text.append("\ncaused by ").append(description(failure.getCause()));
        }
        return text.toString();
    }
}
