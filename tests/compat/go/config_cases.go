package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What the admin client does with configurations.
func configCases() []namedCase {
	return []namedCase{
		{"configs_of_a_topic_are_described", topicConfigs},
		{"configs_of_a_broker_are_described", brokerConfigs},
		{"configs_are_altered_key_by_key", configsAltered},
		{"lists_grow_and_shrink", lists},
		{"altered_configs_are_obeyed", configsObeyed},
		{"the_old_request_replaces_all_configs", configsReplaced},
		{"bad_changes_are_refused_as_a_whole", badChanges},
		{"changes_can_be_validated_alone", changesValidated},
		{"topics_are_listed_as_config_resources", configResources},
	}
}

func (l *lab) topicConfigs(topic string) map[string]kadm.Config {
	described := got(got(l.admin.DescribeTopicConfigs(l.ctx, topic)).On(topic, nil))
	must(described.Err, "describing configs")
	return byKey(described.Configs)
}

func byKey(configs []kadm.Config) map[string]kadm.Config {
	keyed := make(map[string]kadm.Config)
	for _, config := range configs {
		keyed[config.Key] = config
	}
	return keyed
}

func (l *lab) topicConfig(topic, key string) string {
	config := l.topicConfigs(topic)[key]
	return config.MaybeValue()
}

// alter is the error of the one topic.
func (l *lab) alter(topic string, changes ...kadm.AlterConfig) error {
	return got(got(l.admin.AlterTopicConfigs(l.ctx, changes, topic)).On(topic, nil)).Err
}

func set(key, value string) kadm.AlterConfig {
	return kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: &value}
}

func topicConfigs(l *lab) {
	configs := l.topicConfigs(l.topic(1, "retention.ms=1234567", "cleanup.policy=compact,delete"))
	for _, expected := range []struct {
		key, value string
		source     kmsg.ConfigSource
	}{
		{"retention.ms", "1234567", kmsg.ConfigSourceDynamicTopicConfig},
		{"cleanup.policy", "compact,delete", kmsg.ConfigSourceDynamicTopicConfig},
		{"segment.bytes", "1073741824", kmsg.ConfigSourceDefaultConfig},
		{"compression.type", "producer", kmsg.ConfigSourceDefaultConfig},
	} {
		config := configs[expected.key]
		equal(expected.value, config.MaybeValue(), expected.key)
		equal(expected.source, config.Source, "source of "+expected.key)
		equal(false, config.Sensitive, expected.key+" is sensitive")
	}
	synonyms := configs["retention.ms"].Synonyms
	equal("1234567", *synonyms[0].Value, "value of the first synonym")
	equal(kmsg.ConfigSourceDynamicTopicConfig, synonyms[0].Source, "source of the first synonym")
	unknown := l.freshName()
	described := got(got(l.admin.DescribeTopicConfigs(l.ctx, unknown)).On(unknown, nil))
	fails(kerr.UnknownTopicOrPartition, described.Err, "an unknown topic")
}

func brokerConfigs(l *lab) {
	node := got(l.admin.ListBrokers(l.ctx))[0].NodeID
	described := got(l.admin.DescribeBrokerConfigs(l.ctx, node))[0]
	must(described.Err, "describing configs")
	configs := byKey(described.Configs)
	limit, id := configs["message.max.bytes"], configs["node.id"]
	equal("1048588", limit.MaybeValue(), "message.max.bytes")
	equal(strconv.Itoa(int(node)), id.MaybeValue(), "node.id")
}

func configsAltered(l *lab) {
	topic := l.topic(1, "retention.ms=1000", "flush.messages=7")
	remove := kadm.AlterConfig{Op: kadm.DeleteConfig, Name: "flush.messages"}
	must(l.alter(topic, set("retention.ms", "2000"), remove), "altering")
	until("the new value", func() bool { return l.topicConfig(topic, "retention.ms") == "2000" })
	equal("9223372036854775807", l.topicConfig(topic, "flush.messages"), "flush.messages")
}

func lists(l *lab) {
	topic, key := l.topic(1), "cleanup.policy"
	for _, step := range []struct {
		operation       kadm.IncrementalOp
		value, expected string
	}{
		{kadm.AppendConfig, "compact", "delete,compact"},
		{kadm.SubtractConfig, "delete", "compact"},
		{kadm.DeleteConfig, "", "delete"},
	} {
		must(l.alter(topic, kadm.AlterConfig{Op: step.operation, Name: key, Value: &step.value}), "altering")
		until(key+" is "+step.expected, func() bool { return l.topicConfig(topic, key) == step.expected })
	}
}

func configsObeyed(l *lab) {
	topic := l.topic(1)
	uncompressed := kgo.ProducerBatchCompression(kgo.NoCompression())
	l.send(topic, values(1, 5_000), uncompressed)
	must(l.alter(topic, set("max.message.bytes", "1000")), "altering")
	until("the limit holds", func() bool { return l.trySend(topic, values(1, 5_000), uncompressed) != nil })
	fails(kerr.MessageTooLarge, l.trySend(topic, values(1, 5_000), uncompressed), "a large record")
}

func configsReplaced(l *lab) {
	topic := l.topic(1, "retention.ms=1000")
	value := "7"
	changes := []kadm.AlterConfig{{Name: "flush.messages", Value: &value}}
	must(got(got(l.admin.AlterTopicConfigsState(l.ctx, changes, topic)).On(topic, nil)).Err, "replacing")
	until("the new value", func() bool { return l.topicConfig(topic, "flush.messages") == "7" })
	equal("604800000", l.topicConfig(topic, "retention.ms"), "what was not named")
}

func badChanges(l *lab) {
	topic := l.topic(1, "retention.ms=1000")
	value := "1"
	for _, bad := range []kadm.AlterConfig{
		set("retention.ms", "soon"),
		set("no.such.config", "1"),
		{Op: kadm.AppendConfig, Name: "retention.ms", Value: &value},
	} {
		fails(kerr.InvalidConfig, l.alter(topic, set("flush.messages", "7"), bad), fmt.Sprint(bad.Op, bad.Name))
	}
	fails(kerr.UnknownTopicOrPartition, l.alter(l.freshName(), set("retention.ms", "1")), "an unknown topic")
	equal("1000", l.topicConfig(topic, "retention.ms"), "retention.ms")
	equal("9223372036854775807", l.topicConfig(topic, "flush.messages"), "flush.messages")
}

func changesValidated(l *lab) {
	topic := l.topic(1)
	validate := func(value string) error {
		answer := got(l.admin.ValidateAlterTopicConfigs(l.ctx, []kadm.AlterConfig{set("retention.ms", value)}, topic))
		return got(answer.On(topic, nil)).Err
	}
	must(validate("77"), "validating")
	fails(kerr.InvalidConfig, validate("soon"), "validating what is wrong")
	equal("604800000", l.topicConfig(topic, "retention.ms"), "retention.ms")
}

func configResources(l *lab) {
	topic := l.topic(1)
	listed := got(l.admin.ListConfigResources(l.ctx))
	must(listed.Err, "listing")
	names := func(kind kmsg.ConfigResourceType) []string {
		var found []string
		for _, resource := range listed.FilterTypes(kind) {
			found = append(found, resource.Name)
		}
		return found
	}
	holds(slices.Contains(names(kmsg.ConfigResourceTypeTopic), topic), "the topic is listed")
	holds(len(names(kmsg.ConfigResourceTypeBroker)) > 0, "a broker is listed")
}
