import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidTimestampException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.TimestampType;

/** What the Java producer does with a broker. */
final class ProducerCases {
    private static final Map<String, Object> IDEMPOTENT = Map.of("enable.idempotence", true, "acks", "all");

    private ProducerCases() {}

    static void addTo(Map<String, Case> cases) {
        cases.put("idempotent_producer_writes_each_record_once", ProducerCases::idempotent);
        cases.put("idempotent_producers_do_not_disturb_each_other", ProducerCases::twoIdempotent);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            cases.put("codec_" + codec + "_is_read_back", lab -> codec(lab, codec));
        }
        for (String acks : List.of("0", "1", "all")) {
            cases.put("acks_" + acks + "_delivers", lab -> acks(lab, acks));
        }
        cases.put("headers_survive", ProducerCases::headers);
        cases.put("null_and_empty_keys_and_values_survive", ProducerCases::nulls);
        cases.put("a_big_record_survives", ProducerCases::bigRecord);
        cases.put("a_record_over_max_message_bytes_is_refused", ProducerCases::tooLarge);
        cases.put("the_topic_recompresses", ProducerCases::recompression);
        cases.put("create_time_is_kept", ProducerCases::createTime);
        cases.put("log_append_time_is_set_by_the_broker", ProducerCases::logAppendTime);
        cases.put("a_timestamp_out_of_bounds_is_refused", ProducerCases::timestampBounds);
        cases.put("a_keyless_record_on_a_compacted_topic_is_refused", ProducerCases::keylessCompacted);
        cases.put("an_unknown_topic_is_created_on_first_use", ProducerCases::autoCreation);
    }

    private static void idempotent(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        List<byte[]> values = Lab.values(5_000, 100);
        List<RecordMetadata> sent = lab.send(partition, IDEMPOTENT, values);
        Lab.consecutive(0, sent.stream().map(RecordMetadata::offset).toList());
        checkValues(values, lab.read(partition, values.size()));
    }

    private static void twoIdempotent(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        for (int turn = 0; turn < 3; turn++) {
            List<RecordMetadata> sent = lab.send(partition, IDEMPOTENT, Lab.values(10, 10));
            Lab.consecutive(turn * 10L, sent.stream().map(RecordMetadata::offset).toList());
        }
    }

    private static void codec(Lab lab, String codec) throws Exception {
        TopicPartition partition = lab.partition();
        List<byte[]> values = Lab.values(2_000, 300);
        lab.send(partition, Map.of("compression.type", codec, "linger.ms", 20), values);
        checkValues(values, lab.read(partition, values.size()));
    }

    private static void acks(Lab lab, String acks) throws Exception {
        TopicPartition partition = lab.partition();
        List<byte[]> values = Lab.values(500, 50);
        Map<String, Object> settings = Map.of("acks", acks, "enable.idempotence", false);
        List<RecordMetadata> sent = lab.send(partition, settings, values);
        Lab.equal(!acks.equals("0"), sent.get(0).hasOffset(), "the producer learns offsets");
        checkValues(values, lab.read(partition, values.size()));
    }

    private static void headers(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(partition.topic(), 0, Lab.bytes("key"), Lab.bytes("value"));
        record.headers().add("a", Lab.bytes("1"));
        record.headers().add("b", null);
        record.headers().add("a", Lab.bytes("2"));
        record.headers().add("", new byte[0]);
        lab.sendRecords(Map.of(), List.of(record));
        List<String> found = new ArrayList<>();
        for (Header header : lab.read(partition, 1).get(0).headers()) {
            byte[] value = header.value();
            found.add(header.key() + "=" + (value == null ? "null" : new String(value)));
        }
        Lab.equal(List.of("a=1", "b=null", "a=2", "="), found, "headers");
    }

    private static void nulls(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        byte[][] choices = {null, new byte[0], Lab.bytes("x")};
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (byte[] key : choices) {
            for (byte[] value : choices) {
                records.add(new ProducerRecord<>(partition.topic(), 0, key, value));
            }
        }
        lab.sendRecords(Map.of(), records);
        List<ConsumerRecord<byte[], byte[]>> read = lab.read(partition, records.size());
        for (int index = 0; index < records.size(); index++) {
            Lab.equal(records.get(index).key(), read.get(index).key(), "key " + index);
            Lab.equal(records.get(index).value(), read.get(index).value(), "value " + index);
        }
    }

    private static void bigRecord(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        byte[] value = new byte[1_000_000];
        for (int index = 0; index < value.length; index += 4) {
            ByteBuffer.wrap(value).putInt(index, index * 0x9E3779B1);
        }
        lab.send(partition, Map.of(), List.of(value));
        Lab.equal(value, lab.read(partition, 1).get(0).value(), "value");
    }

    private static void tooLarge(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of("max.message.bytes", "1000"));
        TopicPartition partition = new TopicPartition(topic, 0);
        Lab.fails(RecordTooLargeException.class, () -> lab.send(partition, Map.of(), List.of(new byte[2_000])));
        lab.send(partition, Map.of(), List.of(new byte[500]));
        Lab.equal(1, lab.read(partition, 1).size(), "records");
    }

    private static void recompression(Lab lab) throws Exception {
        for (String codec : List.of("uncompressed", "gzip", "snappy", "lz4", "zstd")) {
            TopicPartition partition = new TopicPartition(lab.topic(1, Map.of("compression.type", codec)), 0);
            List<byte[]> values = Lab.values(300, 200);
            lab.send(partition, Map.of("compression.type", "lz4", "linger.ms", 20), values);
            checkValues(values, lab.read(partition, values.size()));
        }
    }

    private static void createTime(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        long now = System.currentTimeMillis();
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (long back : new long[] {5_000, 0, 100_000}) {
            records.add(new ProducerRecord<>(partition.topic(), 0, now - back, null, Lab.bytes("v")));
        }
        List<RecordMetadata> sent = lab.sendRecords(Map.of(), records);
        List<ConsumerRecord<byte[], byte[]>> read = lab.read(partition, 3);
        for (int index = 0; index < 3; index++) {
            Lab.equal(records.get(index).timestamp(), read.get(index).timestamp(), "timestamp read");
            Lab.equal(records.get(index).timestamp(), sent.get(index).timestamp(), "timestamp acknowledged");
            Lab.equal(TimestampType.CREATE_TIME, read.get(index).timestampType(), "type");
        }
    }

    private static void logAppendTime(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of("message.timestamp.type", "LogAppendTime"));
        TopicPartition partition = new TopicPartition(topic, 0);
        long before = System.currentTimeMillis();
        List<RecordMetadata> sent =
                lab.sendRecords(Map.of(), List.of(new ProducerRecord<>(topic, 0, 1_000L, null, Lab.bytes("v"))));
        long after = System.currentTimeMillis();
        ConsumerRecord<byte[], byte[]> read = lab.read(partition, 1).get(0);
        Lab.equal(TimestampType.LOG_APPEND_TIME, read.timestampType(), "type");
        Lab.holds(before <= read.timestamp() && read.timestamp() <= after, "the broker's clock was used");
        Lab.equal(read.timestamp(), sent.get(0).timestamp(), "timestamp acknowledged");
    }

    private static void timestampBounds(Lab lab) throws Exception {
        String topic = lab.topic(
                1, Map.of("message.timestamp.before.max.ms", "60000", "message.timestamp.after.max.ms", "60000"));
        long now = System.currentTimeMillis();
        for (long wrong : new long[] {now - 600_000, now + 600_000}) {
            Lab.fails(
                    InvalidTimestampException.class,
                    () -> lab.sendRecords(
                            Map.of(), List.of(new ProducerRecord<>(topic, 0, wrong, null, Lab.bytes("v")))));
        }
        lab.sendRecords(Map.of(), List.of(new ProducerRecord<>(topic, 0, now, null, Lab.bytes("v"))));
    }

    private static void keylessCompacted(Lab lab) throws Exception {
        TopicPartition partition = new TopicPartition(lab.topic(1, Map.of("cleanup.policy", "compact")), 0);
        Lab.fails(
                org.apache.kafka.common.InvalidRecordException.class,
                () -> lab.send(partition, Map.of(), List.of(Lab.bytes("v"))));
        lab.sendRecords(
                Map.of(),
                List.of(new ProducerRecord<>(partition.topic(), 0, Lab.bytes("k"), Lab.bytes("v"))));
        Lab.equal(1, lab.read(partition, 1).size(), "records");
    }

    private static void autoCreation(Lab lab) throws Exception {
        TopicPartition partition = new TopicPartition(lab.freshName(), 0);
        lab.send(partition, Map.of(), List.of(Lab.bytes("v")));
        Lab.equal(1, lab.read(partition, 1).size(), "records");
    }

    private static void checkValues(List<byte[]> values, List<ConsumerRecord<byte[], byte[]>> read) {
        Lab.equal(values.size(), read.size(), "number of records");
        Lab.consecutive(0, read.stream().map(ConsumerRecord::offset).toList());
        for (int index = 0; index < values.size(); index++) {
            Lab.equal(values.get(index), read.get(index).value(), "value " + index);
        }
    }
}
