import io.apicurio.registry.utils.converter.avro.AvroData;
import java.util.Map;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.storage.Converter;

/** A Kafka Connect worker's converter for records in Confluent's wire format; `schema.registry.url` says whom it asks. */
public final class WireConverter implements Converter {
    private static final int SCHEMAS_KEPT = 100;

    private final AvroData data = new AvroData(SCHEMAS_KEPT);
    private Wire wire;

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {
        wire = new Wire((String) configs.get("schema.registry.url"), GenericData.get());
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] record) {
        var value = wire.read(record);
        return data.toConnectData(value.getSchema(), value);
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new UnsupportedOperationException("it is for sinks");
    }
}
