package main

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What producers do in transactions.
func transactionCases() []namedCase {
	return []namedCase{
		{"a_committed_transaction_is_read_whole", committedTransaction},
		{"an_aborted_transaction_is_not_read", abortedTransaction},
		{"a_transactional_producer_is_fenced_by_its_successor", fencedTransaction},
		{"a_session_copies_each_record_once", copyingSession},
		{"transactions_are_listed_and_described", describedTransactions},
	}
}

func (l *lab) writer(id, topic string) *kgo.Client {
	return l.client(
		kgo.TransactionalID(id), kgo.TransactionTimeout(20*time.Second),
		kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
}

func committedOnly() kgo.Opt {
	return kgo.FetchIsolationLevel(kgo.ReadCommitted())
}

func committedTransaction(l *lab) {
	topic := l.topic(1)
	writer := l.writer(l.freshName(), topic)
	must(writer.BeginTransaction(), "beginning")
	for number := range 100 {
		record := &kgo.Record{Value: []byte(fmt.Sprint(number))}
		must(writer.ProduceSync(l.ctx, record).FirstErr(), "producing")
	}
	must(writer.EndTransaction(l.ctx, kgo.TryCommit), "committing")
	records := l.read(topic, 100, committedOnly())
	for number, record := range records {
		equal(fmt.Sprint(number), string(record.Value), "value")
	}
}

func abortedTransaction(l *lab) {
	topic := l.topic(1)
	writer := l.writer(l.freshName(), topic)
	for turn, value := range []string{"a", "b", "c", "d", "e"} {
		must(writer.BeginTransaction(), "beginning")
		must(writer.ProduceSync(l.ctx, &kgo.Record{Value: []byte(value)}).FirstErr(), "producing")
		must(writer.EndTransaction(l.ctx, kgo.TransactionEndTry(turn%2 == 0)), "ending")
	}
	var found string
	for _, record := range l.read(topic, 3, committedOnly()) {
		found += string(record.Value)
	}
	equal("ace", found, "committed values")
	equal(5, len(l.read(topic, 5)), "all records")
}

func fencedTransaction(l *lab) {
	topic, id := l.topic(1), l.freshName()
	old := l.writer(id, topic)
	must(old.BeginTransaction(), "beginning")
	must(old.ProduceSync(l.ctx, &kgo.Record{Value: []byte("old")}).FirstErr(), "producing")
	next := l.writer(id, topic)
	must(next.BeginTransaction(), "beginning")
	must(next.ProduceSync(l.ctx, &kgo.Record{Value: []byte("next")}).FirstErr(), "producing")
	err := old.EndTransaction(l.ctx, kgo.TryCommit)
	holds(err != nil, "the old one cannot commit")
	must(next.EndTransaction(l.ctx, kgo.TryCommit), "committing")
	equal("next", string(l.read(topic, 1, committedOnly())[0].Value), "committed value")
}

func copyingSession(l *lab) {
	from, to, group, id := l.topic(1), l.topic(1), l.freshName(), l.freshName()
	var records []*kgo.Record
	for number := range 300 {
		records = append(records, &kgo.Record{Value: []byte(fmt.Sprint(number))})
	}
	l.send(from, records)
	copied := 0
	for life := 0; copied < 300; life++ {
		holds(life < 20, "all is copied by then")
		session := got(kgo.NewGroupTransactSession(
			kgo.SeedBrokers(l.bootstrap), kgo.TransactionalID(id), kgo.ConsumerGroup(group),
			kgo.ConsumeTopics(from), kgo.DefaultProduceTopic(to), committedOnly(),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequireStableFetchOffsets(),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond),
		))
		fetches := session.PollRecords(l.ctx, 70)
		must(session.Begin(), "beginning")
		fetches.EachRecord(func(record *kgo.Record) {
			must(session.ProduceSync(l.ctx, &kgo.Record{Value: record.Value}).FirstErr(), "producing")
		})
		committed, err := session.End(l.ctx, kgo.TransactionEndTry(life != 1))
		must(err, "ending")
		if committed {
			copied += fetches.NumRecords()
		}
		session.Close()
	}
	for number, record := range l.read(to, 300, committedOnly()) {
		equal(fmt.Sprint(number), string(record.Value), "value")
	}
}

func describedTransactions(l *lab) {
	topic, id := l.topic(1), l.freshName()
	writer := l.writer(id, topic)
	must(writer.BeginTransaction(), "beginning")
	must(writer.ProduceSync(l.ctx, &kgo.Record{Value: []byte("a")}).FirstErr(), "producing")
	described := got(l.admin.DescribeTransactions(l.ctx, id))
	transaction := described[id]
	must(transaction.Err, "describing")
	equal("Ongoing", transaction.State, "state")
	holds(transaction.Topics.Lookup(topic, 0), "the partition is part of it")
	listed := got(l.admin.ListTransactions(l.ctx, nil, []string{"Ongoing"}))
	_, isListed := listed[id]
	holds(isListed, "it is listed")
	must(writer.EndTransaction(l.ctx, kgo.TryAbort), "aborting")
	unknown := l.freshName()
	described = got(l.admin.DescribeTransactions(l.ctx, unknown))
	fails(kerr.TransactionalIDNotFound, described[unknown].Err, "an unknown transactional id")
}
