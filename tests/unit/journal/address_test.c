/* The address of a journal on Kafka: what it says, and what is refused before anybody is asked. */
#include "journal/kafka/kafka.h"
#include "k2test.h"

#include <stdio.h>
#include <stdlib.h>

static struct kafka_address parse(const char *url) {
    struct kafka_address a;
    struct k2_err err = {0};
    CHECK_OK(kafka_address_parse(url, &a, &err), &err);
    return a;
}

static void refuse(const char *url, const char *why) {
    struct kafka_address a;
    struct k2_err err = {0};
    assert_int_not_equal(kafka_address_parse(url, &a, &err), K2_OK);
    if (!strstr(err.msg, why))
        fail_msg("%s: \"%s\" does not say \"%s\"", url, err.msg, why);
    kafka_address_free(&a);
}

static const char *property(const struct kafka_address *a, const char *key) {
    for (int i = 0; i < a->option_count; i++)
        if (strcmp(a->options[i].key, key) == 0)
            return a->options[i].value;
    return NULL;
}

static void an_address_names_brokers_prefix_and_properties(void **state) {
    (void)state;
    struct kafka_address a =
        parse("kafka://one:9092,two:9093/prod.?replication=3&sasl.username=a%26b&linger.ms=7");
    assert_string_equal(a.servers, "one:9092,two:9093");
    assert_string_equal(a.prefix, "prod.");
    assert_int_equal(a.replication, 3);
    assert_int_equal(a.option_count, 2);
    assert_string_equal(property(&a, "sasl.username"), "a&b");
    assert_string_equal(property(&a, "linger.ms"), "7");
    kafka_address_free(&a);
    a = parse("kafka://one:9092");
    assert_string_equal(a.prefix, "");
    assert_int_equal(a.replication, -1);
    kafka_address_free(&a);
}

/* What is said of a journal names its brokers, and no property, which may be a secret. */
static void what_is_told_of_an_address_holds_no_secret(void **state) {
    (void)state;
    struct kafka_address a = parse("kafka://one:9092/p.?sasl.password=hidden");
    assert_string_equal(a.text, "kafka://one:9092");
    kafka_address_free(&a);
}

static void a_secret_in_an_address_is_not_shown(void **state) {
    struct k2_buf out = {0};
    (void)state;
    journal_url_print("kafka://h:1/p.?sasl.username=k2&sasl.password=hidden&ssl.key.password=x&"
                      "ssl.key.pem=y&sasl.oauthbearer.client.secret=z&token=file:/t&a=env:B",
                      &out);
    assert_string_equal(k2_buf_cstr(&out),
                        "kafka://h:1/p.?sasl.username=k2&sasl.password=***&ssl.key.password=***&"
                        "ssl.key.pem=***&sasl.oauthbearer.client.secret=***&token=file:/t&a=env:B");
    k2_buf_free(&out);
    journal_url_print("local:", &out);
    assert_string_equal(k2_buf_cstr(&out), "local:");
    k2_buf_free(&out);
}

static void a_secret_is_read_from_the_environment_or_a_file(void **state) {
    (void)state;
    char path[] = "/tmp/k2secretXXXXXX", url[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("from a file\nnot this\n", f);
    fclose(f);
    setenv("K2_TEST_SECRET", "from outside", 1);
    snprintf(url, sizeof url, "kafka://h:1/?a=env:K2_TEST_SECRET&b=file:%s", path);
    struct kafka_address a = parse(url);
    assert_string_equal(property(&a, "a"), "from outside");
    assert_string_equal(property(&a, "b"), "from a file");
    kafka_address_free(&a);
    remove(path);
    unsetenv("K2_TEST_SECRET");
}

static void what_is_wrong_is_told(void **state) {
    (void)state;
    refuse("kafka://", "names no broker");
    refuse("kafka:///prefix", "names no broker");
    refuse("kafka://h:1/no space", "is not 1 to 249");
    refuse("kafka://h:1/?replication=0", "replication=0");
    refuse("kafka://h:1/?replication=many", "replication=many");
    refuse("kafka://h:1/?sasl.password=env:K2_NO_SUCH", "K2_NO_SUCH");
    refuse("kafka://h:1/?sasl.password=file:/no/such", "sasl.password");
    refuse("kafka://h:1/?token=eyJhbGciOiJub25lIn0.e30.", "file:PATH or env:NAME");
}

static void every_other_url_is_refused(void **state) {
    (void)state;
    struct k2_err err = {0};
    CHECK_OK(journal_url_check("local:", &err), &err);
    CHECK_OK(journal_url_check("kafka://h:1", &err), &err);
    assert_int_equal(journal_url_check("kafak://h", &err), K2_E_INVALID);
    assert_int_equal(journal_url_check("", &err), K2_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_names_brokers_prefix_and_properties),
        cmocka_unit_test(what_is_told_of_an_address_holds_no_secret),
        cmocka_unit_test(a_secret_in_an_address_is_not_shown),
        cmocka_unit_test(a_secret_is_read_from_the_environment_or_a_file),
        cmocka_unit_test(what_is_wrong_is_told),
        cmocka_unit_test(every_other_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
