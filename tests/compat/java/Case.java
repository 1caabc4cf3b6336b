/** One thing that a client does, with what must come of it. */
@FunctionalInterface
public interface Case {
    void run(Lab lab) throws Exception;
}
