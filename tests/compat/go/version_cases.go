package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// What the broker advertises, and that clients which know less than it does are served too.
func versionCases() []namedCase {
	cases := []namedCase{
		{"the_apis_of_docs_compatibility_are_advertised", advertised},
		{"every_version_of_api_versions_is_answered", apiVersionsVersions},
		{"an_api_versions_request_too_new_is_answered_in_version_0", apiVersionsTooNew},
	}
	for _, old := range []struct {
		name     string
		versions *kversion.Versions
	}{
		{"2.1", kversion.V2_1_0()},
		{"2.4", kversion.V2_4_0()},
		{"2.8", kversion.V2_8_0()},
		{"3.3", kversion.V3_3_0()},
		{"3.9", kversion.V3_9_0()},
		{"4.0", kversion.V4_0_0()},
		{"4.2", kversion.V4_2_0()},
	} {
		name := "a_client_of_" + strings.ReplaceAll(old.name, ".", "_") + "_is_served"
		cases = append(cases, namedCase{name, clientOf(old.versions)})
	}
	return cases
}

// advertisedVersions are the least and the greatest version of each API that both Apache Kafka 4.4
// and Ottla serve, as in docs/compatibility.md.
var advertisedVersions = map[kmsg.Key][2]int16{
	kmsg.Produce:                    {0, 13},
	kmsg.Fetch:                      {4, 18},
	kmsg.ListOffsets:                {1, 11},
	kmsg.Metadata:                   {0, 13},
	kmsg.OffsetCommit:               {2, 10},
	kmsg.OffsetFetch:                {1, 10},
	kmsg.FindCoordinator:            {0, 6},
	kmsg.JoinGroup:                  {0, 9},
	kmsg.Heartbeat:                  {0, 4},
	kmsg.LeaveGroup:                 {0, 5},
	kmsg.SyncGroup:                  {0, 5},
	kmsg.DescribeGroups:             {0, 6},
	kmsg.ListGroups:                 {0, 5},
	kmsg.ApiVersions:                {0, 5},
	kmsg.CreateTopics:               {2, 7},
	kmsg.DeleteTopics:               {1, 6},
	kmsg.DeleteRecords:              {0, 2},
	kmsg.InitProducerID:             {0, 5},
	kmsg.OffsetForLeaderEpoch:       {2, 4},
	kmsg.DescribeConfigs:            {1, 4},
	kmsg.AlterConfigs:               {0, 2},
	kmsg.DescribeLogDirs:            {1, 5},
	kmsg.CreatePartitions:           {0, 3},
	kmsg.DeleteGroups:               {0, 3},
	kmsg.IncrementalAlterConfigs:    {0, 1},
	kmsg.ListPartitionReassignments: {0, 0},
	kmsg.OffsetDelete:               {0, 0},
	kmsg.DescribeCluster:            {0, 2},
	kmsg.ListConfigResources:        {0, 1},
	kmsg.DescribeTopicPartitions:    {0, 0},
}

func advertised(l *lab) {
	brokers := got(l.admin.ApiVersions(l.ctx))
	equal(1, len(brokers), "brokers")
	for _, broker := range brokers {
		must(broker.Err, "asking for the versions")
		for key, expected := range advertisedVersions {
			least, greatest, known := broker.KeyVersions(int16(key))
			holds(known, key.Name()+" is advertised")
			equal(expected, [2]int16{least, greatest}, "versions of "+key.Name())
		}
	}
}

func (l *lab) apiVersions(version int16) *kmsg.ApiVersionsResponse {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "tester", "1"
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(request.Key(), version)
	return got(request.RequestWith(l.ctx, l.client(kgo.MaxVersions(versions))))
}

func apiVersionsVersions(l *lab) {
	for version := range int16(5) {
		answer := l.apiVersions(version)
		what := fmt.Sprintf("ApiVersions in version %d", version)
		must(kerr.ErrorForCode(answer.ErrorCode), what)
		equal(version, answer.Version, what)
		holds(len(answer.ApiKeys) >= len(advertisedVersions), what+" tells of all APIs")
	}
}

// apiVersionsTooNew speaks to the socket, because the client never asks for what it does not know.
func apiVersionsTooNew(l *lab) {
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "tester", "1"
	request.SetVersion(99)
	const correlationID = 7
	connection := got(net.DialTimeout("tcp", l.bootstrap, patience))
	defer connection.Close()
	must(connection.SetDeadline(time.Now().Add(patience)), "setting a deadline")
	got(connection.Write(kmsg.NewRequestFormatter().AppendRequest(nil, request, correlationID)))
	head := make([]byte, 8)
	got(io.ReadFull(connection, head))
	equal(uint32(correlationID), binary.BigEndian.Uint32(head[4:]), "correlation id")
	body := make([]byte, binary.BigEndian.Uint32(head[:4])-4)
	got(io.ReadFull(connection, body))
	answer := kmsg.NewPtrApiVersionsResponse()
	answer.SetVersion(0)
	must(answer.ReadFrom(body), "reading the answer")
	fails(kerr.UnsupportedVersion, kerr.ErrorForCode(answer.ErrorCode), "a version that is too new")
	equal(1, len(answer.ApiKeys), "APIs told")
	key := answer.ApiKeys[0]
	expected := advertisedVersions[kmsg.ApiVersions]
	equal(int16(kmsg.ApiVersions), key.ApiKey, "API told")
	equal(expected, [2]int16{key.MinVersion, key.MaxVersion}, "versions told")
}

// clientOf produces, consumes in a group and administers, with requests that an older client knows.
func clientOf(versions *kversion.Versions) testCase {
	return func(l *lab) {
		admin := kadm.NewClient(l.client(kgo.MaxVersions(versions)))
		topic, group := l.freshName(), l.freshName()
		got(admin.CreateTopic(l.ctx, 2, 1, configMap("retention.ms=123456789"), topic))
		l.waitForTopic(topic, 2)
		l.send(topic, spread(100, 2), kgo.MaxVersions(versions))
		one := l.member(group, topic, kgo.MaxVersions(versions))
		records := l.poll(one.Client, 100)
		must(one.CommitRecords(l.ctx, records...), "committing")
		fetched := got(admin.FetchOffsets(l.ctx, group))
		for partition := range int32(2) {
			equal(int64(50), fetched[topic][partition].At, "committed offset")
			equal(int64(50), got(admin.ListEndOffsets(l.ctx, topic))[topic][partition].Offset, "end")
		}
		equal(1, len(got(admin.DescribeGroups(l.ctx, group))[group].Members), "members")
		one.Close()
		got(admin.DeleteGroup(l.ctx, group))
		configs := got(got(admin.DescribeTopicConfigs(l.ctx, topic)).On(topic, nil)).Configs
		retention := byKey(configs)["retention.ms"]
		equal("123456789", retention.MaybeValue(), "retention.ms")
		got(admin.DeleteTopic(l.ctx, topic))
	}
}
