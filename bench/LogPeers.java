import java.io.File;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.bytes.SyncMode;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.rollcycles.LargeRollCycles;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * Durable logs of others beside K2's: blocks of the records that bench/append.c writes, and one sync to the disk for each
 * block. Chronicle Queue syncs its mapped file (msync); RocksDB puts a block as one batch, with its log synced.
 * The first round is not counted: until then the code is not compiled. One JSON line with medians of the others.
 *
 * <p>usage: LogPeers chronicle|rocksdb DIRECTORY BLOCK BLOCKS ROUNDS
 */
public final class LogPeers {
    private static final byte[] KEY = "ASX.BHP".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] VALUE =
            Arrays.copyOf("a record of the usual size, whose content does not matter".getBytes(StandardCharsets.US_ASCII), 120);

    /** A log that keeps what it was given when `sync` comes back. */
    private interface Log extends AutoCloseable {
        void put(long number) throws RocksDBException;

        void sync() throws RocksDBException;

        @Override
        void close();
    }

    private static final class Chronicle implements Log {
        private final ChronicleQueue queue;
        private final ExcerptAppender appender;
        private final Bytes<?> record = Bytes.allocateElasticDirect(256);

        Chronicle(File dir) {
            queue = SingleChronicleQueueBuilder.binary(dir).rollCycle(LargeRollCycles.LARGE_DAILY).syncMode(SyncMode.SYNC).build();
            appender = queue.createAppender();
        }

        @Override
        public void put(long number) {
            record.clear().write(KEY).write(VALUE);
            appender.writeBytes(record);
        }

        @Override
        public void sync() {
            appender.sync();
        }

        @Override
        public void close() {
            appender.close();
            queue.close();
            record.releaseLast();
        }
    }

    private static final class Rocks implements Log {
        private final Options options = new Options().setCreateIfMissing(true);
        private final WriteOptions durable = new WriteOptions().setSync(true);
        private final WriteBatch batch = new WriteBatch();
        private final ByteBuffer key = ByteBuffer.allocate(Long.BYTES);
        private final RocksDB db;

        Rocks(File dir) throws RocksDBException {
            db = RocksDB.open(options, dir.getPath());
        }

        @Override
        public void put(long number) throws RocksDBException {
            batch.put(key.putLong(0, number).array(), VALUE);
        }

        @Override
        public void sync() throws RocksDBException {
            db.write(durable, batch);
            batch.clear();
        }

        @Override
        public void close() {
            batch.close();
            durable.close();
            db.close();
            options.close();
        }
    }

    private record Round(long mbPerSecond, long p50, long p99, long cpu, long recordsPerSecond) {}

    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static Round run(Log log, int block, int blocks, long first) throws RocksDBException {
        int perBlock = (block + KEY.length + VALUE.length - 1) / (KEY.length + VALUE.length);
        long[] commits = new long[blocks];
        long cpu = cpuNanos(), start = System.nanoTime();
        for (int b = 0; b < blocks; b++) {
            for (int i = 0; i < perBlock; i++)
                log.put(first + (long) b * perBlock + i);
            long before = System.nanoTime();
            log.sync();
            commits[b] = System.nanoTime() - before;
        }
        long wall = System.nanoTime() - start, records = (long) perBlock * blocks;
        Arrays.sort(commits);
        return new Round(records * (KEY.length + VALUE.length) * 1000 / wall, commits[blocks / 2] / 1000,
                commits[(int) (blocks * 0.99)] / 1000, (cpuNanos() - cpu) / 1000000, records * 1_000_000_000L / wall);
    }

    private static long median(Round[] rounds, java.util.function.ToLongFunction<Round> figure) {
        long[] v = Arrays.stream(rounds).skip(1).mapToLong(figure).sorted().toArray();
        return v[v.length / 2];
    }

    public static void main(String[] args) throws RocksDBException {
        var dir = new File(args[1]);
        int block = Integer.parseInt(args[2]), blocks = Integer.parseInt(args[3]);
        var rounds = new Round[Integer.parseInt(args[4]) + 1];
        try (Log log = args[0].equals("chronicle") ? new Chronicle(dir) : new Rocks(dir)) {
            for (int i = 0; i < rounds.length; i++)
                rounds[i] = run(log, block, blocks, (long) i * block * blocks);
        }
        System.out.printf("{\"stage\":\"log_peer\",\"who\":\"%s\",\"block\":%d,\"mb_s\":%d,\"p50_us\":%d,\"p99_us\":%d,"
                + "\"cpu_ms\":%d,\"records_s\":%d}%n", args[0], block, median(rounds, Round::mbPerSecond),
                median(rounds, Round::p50), median(rounds, Round::p99), median(rounds, Round::cpu),
                median(rounds, Round::recordsPerSecond));
    }
}
