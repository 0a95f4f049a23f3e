import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.avro.Conversions;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/**
 * A Kafka Streams program: trades and volume of each symbol, exactly once, until it has seen so many trades; it prints
 * SYMBOL,TRADES,VOLUME by symbol. The key of a record is EXCHANGE.SYMBOL, so nothing is sent around to group it.
 *
 * <p>usage: VolumeOfSymbols BROKERS REGISTRY TOPICS TRADES STATE; TOPICS is a pattern, STATE a folder of its own
 */
public final class VolumeOfSymbols {
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    private static Properties settings(String brokers, String state) {
        var p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "volume-of-symbols");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        p.put(StreamsConfig.STATE_DIR_CONFIG, state);
        p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        return p;
    }

    /** A total is "TRADES VOLUME". */
    private static String add(String total, BigDecimal quantity) {
        String[] parts = total.split(" ");
        return (Long.parseLong(parts[0]) + 1) + " " + new BigDecimal(parts[1]).add(quantity);
    }

    private static StreamsBuilder program(Wire wire, String topics) {
        var builder = new StreamsBuilder();
        builder.stream(Pattern.compile(topics), Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .mapValues(wire::read)
                .groupByKey(Grouped.keySerde(Serdes.String()))
                .aggregate(() -> "0 0", (key, trade, total) -> add(total, (BigDecimal) trade.get("quantity")),
                        Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("totals")
                                .withKeySerde(Serdes.String()).withValueSerde(Serdes.String()));
        return builder;
    }

    private static TreeMap<String, String> totals(KafkaStreams streams) {
        var out = new TreeMap<String, String>();
        try {
            var store = streams.store(StoreQueryParameters.fromNameAndType("totals",
                    QueryableStoreTypes.<String, String>keyValueStore()));
            try (var all = store.all()) {
                all.forEachRemaining(e -> out.put(e.key.substring(e.key.indexOf('.') + 1), e.value));
            }
        } catch (InvalidStateStoreException e) {
            out.clear(); // partitions are on their way to it
        }
        return out;
    }

    private static long trades(TreeMap<String, String> totals) {
        return totals.values().stream().mapToLong(t -> Long.parseLong(t.split(" ")[0])).sum();
    }

    public static void main(String[] args) throws InterruptedException {
        var exact = new GenericData();
        exact.addLogicalTypeConversion(new Conversions.DecimalConversion());
        long wanted = Long.parseLong(args[3]);
        var streams = new KafkaStreams(program(new Wire(args[1], exact), args[2]).build(), settings(args[0], args[4]));
        var until = Instant.now().plus(PATIENCE);
        streams.start();
        var totals = totals(streams);
        while (trades(totals) < wanted && Instant.now().isBefore(until)) {
            Thread.sleep(100);
            totals = totals(streams);
        }
        streams.close(Duration.ofSeconds(10));
        totals.forEach((symbol, total) -> System.out.println(symbol + "," + total.replace(' ', ',')));
        System.exit(trades(totals) == wanted ? 0 : 1);
    }
}
