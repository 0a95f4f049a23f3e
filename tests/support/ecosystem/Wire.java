import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/** Reads records in Confluent's wire format with Avro's own reader; each schema is asked of a registry by its id, once. */
final class Wire {
    private static final int HEAD = 5; // a zero and the id

    private final String registry;
    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<Integer, Schema> schemas = new ConcurrentHashMap<>();
    private final GenericData model;

    /** The model says what becomes of decimals. */
    Wire(String registry, GenericData model) {
        this.registry = registry;
        this.model = model;
    }

    GenericRecord read(byte[] record) {
        Schema schema = schemaOf(record);
        var in = DecoderFactory.get().binaryDecoder(record, HEAD, record.length - HEAD, null);
        try {
            var value = new GenericDatumReader<GenericRecord>(schema, schema, model).read(null, in);
            if (!in.isEnd())
                throw new IllegalArgumentException("bytes are left behind a record of " + schema.getFullName());
            return value;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Schema schemaOf(byte[] record) {
        if (record.length < HEAD || record[0] != 0)
            throw new IllegalArgumentException("a record that does not begin with a zero and an id");
        return schemas.computeIfAbsent(ByteBuffer.wrap(record).getInt(1), this::ask);
    }

    private Schema ask(int id) {
        var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
        try {
            var answer = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200)
                throw new IllegalStateException("schema " + id + ": " + answer.statusCode() + " " + answer.body());
            return new Schema.Parser().parse(new ObjectMapper().readTree(answer.body()).get("schema").asText());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
