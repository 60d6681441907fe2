package sqs

import (
	"context"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"golang.org/x/sys/unix"

	"github.com/dth-dev/dth/core/task"
)

// cpu returns what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkPassThrough sends, receives and acknowledges batches of 100 tasks over HTTP, a
// hundred at a time. CPU counts the service, which runs in the same process.
func BenchmarkPassThrough(b *testing.B) {
	f := newFixture()
	server := httptest.NewServer(f.Service)
	defer server.Close()
	f.config.Client = func(o *sqs.Options) {
		o.Region = "us-east-1"
		o.Credentials = credentials.NewStaticCredentialsProvider("test", "test", "")
		o.BaseEndpoint = &server.URL
	}
	q := f.open(b)
	const messages, tasks = 100, 100
	batch := task.Batch{Run: "20261123T065626Z-1f3a"}
	for i := range tasks {
		batch.Tasks = append(batch.Tasks, work("photos/2026/11", tasks).Tasks[i])
		batch.Tasks[i].ETag = "d41d8cd98f00b204e9800998ecf8427e"
		batch.Tasks[i].Modified = time.Date(2026, 11, 1, 0, 0, i, 0, time.UTC)
	}
	before := cpu(b)
	for b.Loop() {
		var working sync.WaitGroup
		slots := make(chan struct{}, 16)
		for range messages {
			slots <- struct{}{}
			working.Go(func() {
				defer func() { <-slots }()
				mustSend(b, q, batch)
			})
			working.Go(func() {
				message, err := q.Receive(context.Background())
				if err != nil {
					b.Error(err)
				}
				mustAck(b, q, message)
			})
		}
		working.Wait()
	}
	mustStop(b, q)
	mustClose(b, q)
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*messages*tasks), "cpu-µs/task")
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*messages), "cpu-µs/message")
}
