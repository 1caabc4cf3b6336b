package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// lab is what every case needs: clients of one broker, and names that nobody else uses.
type lab struct {
	bootstrap string
	ctx       context.Context
	cancel    context.CancelFunc
	run       string
	nameCount int
	admin     *kadm.Client
}

func newLab(bootstrap string) *lab {
	l := &lab{bootstrap: bootstrap, run: fmt.Sprintf("%x-%d", time.Now().UnixNano(), os.Getpid())}
	l.ctx, l.cancel = context.WithTimeout(context.Background(), 2*patience)
	l.admin = kadm.NewClient(l.client())
	return l
}

// client is a new client. It ends with the process: a static member whose group rebalances would only
// close when the sessions of the others are over.
func (l *lab) client(options ...kgo.Opt) *kgo.Client {
	defaults := []kgo.Opt{
		kgo.SeedBrokers(l.bootstrap),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.RetryTimeout(patience),
	}
	return got(kgo.NewClient(append(defaults, options...)...))
}

// freshName is a name that no other case and no earlier run uses.
func (l *lab) freshName() string {
	l.nameCount++
	return fmt.Sprintf("go-%s-%d", l.run, l.nameCount)
}

// topic is a new topic that clients can see; configs are pairs like "retention.ms=1000".
func (l *lab) topic(partitions int32, configs ...string) string {
	name := l.freshName()
	got(l.admin.CreateTopic(l.ctx, partitions, 1, configMap(configs...), name))
	l.waitForTopic(name, partitions)
	return name
}

func configMap(pairs ...string) map[string]*string {
	configs := make(map[string]*string)
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		configs[key] = &value
	}
	return configs
}

// waitForTopic: Kafka answers the creation of a topic before its brokers have heard of it.
func (l *lab) waitForTopic(name string, partitions int32) {
	until("the topic is known", func() bool {
		details, err := l.admin.ListTopics(l.ctx, name)
		must(err, "listing topics")
		return details[name].Err == nil && int32(len(details[name].Partitions)) == partitions
	})
}

// deleteTopic: Kafka answers the deletion of a topic before its brokers have heard of it.
func (l *lab) deleteTopic(name string) {
	got(l.admin.DeleteTopic(l.ctx, name))
	until("the topic is unknown", func() bool {
		return errors.Is(got(l.admin.ListTopics(l.ctx, name))[name].Err, kerr.UnknownTopicOrPartition)
	})
}

// send produces records, to partition 0 unless they or the options say otherwise, and waits.
func (l *lab) send(topic string, records []*kgo.Record, options ...kgo.Opt) {
	must(l.trySend(topic, records, options...), "producing")
}

// trySend produces records and is the first error.
func (l *lab) trySend(topic string, records []*kgo.Record, options ...kgo.Opt) error {
	defaults := []kgo.Opt{
		kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}
	client := l.client(append(defaults, options...)...)
	defer client.Close()
	return client.ProduceSync(l.ctx, records...).FirstErr()
}

// read reads partition 0 from its beginning until this many records have come.
func (l *lab) read(topic string, count int, options ...kgo.Opt) []*kgo.Record {
	client := l.reader(topic, kgo.NewOffset().AtStart(), options...)
	defer client.Close()
	return l.poll(client, count)
}

// reader consumes partition 0 from an offset, outside any group.
func (l *lab) reader(topic string, from kgo.Offset, options ...kgo.Opt) *kgo.Client {
	partitions := map[string]map[int32]kgo.Offset{topic: {0: from}}
	return l.client(append([]kgo.Opt{kgo.ConsumePartitions(partitions)}, options...)...)
}

// poll polls until this many records have come, and fails when they do not.
func (l *lab) poll(client *kgo.Client, count int) []*kgo.Record {
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	var records []*kgo.Record
	for len(records) < count {
		fetches := client.PollRecords(ctx, count-len(records))
		if errors.Is(fetches.Err0(), context.DeadlineExceeded) {
			panic(fmt.Sprintf("only %d of %d records came", len(records), count))
		}
		must(fetches.Err(), "fetching")
		records = append(records, fetches.Records()...)
	}
	return records
}

// pollNothing fails when a record comes within half a second.
func (l *lab) pollNothing(client *kgo.Client, what string) {
	ctx, cancel := context.WithTimeout(l.ctx, 500*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil {
		equal(0, client.PollFetches(ctx).NumRecords(), what)
	}
}

// pollError polls until the consumer reports this error.
func (l *lab) pollError(client *kgo.Client, expected error) {
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		for _, found := range client.PollFetches(ctx).Errors() {
			if errors.Is(found.Err, expected) {
				return
			}
			holds(ctx.Err() != nil || kerr.IsRetriable(found.Err), fmt.Sprintf("%v is %v", found.Err, expected))
		}
	}
	panic(fmt.Sprintf("no error came, expected %v", expected))
}

// values are records with values of a size, compressible but all different.
func values(count, size int) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for number := range records {
		text := fmt.Sprintf("%d-", number)
		text += strings.Repeat("x", max(0, size-len(text)))
		records[number] = kgo.StringRecord(text)
	}
	return records
}

// spread are records for the partitions in turn.
func spread(count int, partitions int32) []*kgo.Record {
	records := values(count, 10)
	for number, record := range records {
		record.Partition = int32(number) % partitions
	}
	return records
}

func texts(records []*kgo.Record) []string {
	found := make([]string, len(records))
	for place, record := range records {
		found[place] = string(record.Value)
	}
	return found
}

func offsets(records []*kgo.Record) []int64 {
	found := make([]int64, len(records))
	for place, record := range records {
		found[place] = record.Offset
	}
	return found
}
