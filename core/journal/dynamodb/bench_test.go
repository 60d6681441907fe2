//go:build unix

package dynamodb

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/dth-dev/dth/core/dynamo"
	"github.com/dth-dev/dth/core/journal"
	"github.com/dth-dev/dth/sdk/driver"
)

// BenchmarkAppend stores messages of a hundred records in a stand-in for DynamoDB that
// answers at once, and tells the CPU time of a record, the stand-in's included: it is in the same process.
func BenchmarkAppend(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Date"] = nil
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, "{}")
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	j := New(dynamo.New(aws.Config{
		BaseEndpoint: aws.String("http://" + listener.Addr().String()), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("tester", "tester-secret", ""),
	}, dynamo.Options{Objects: "objects", Parts: "parts"}), Options{Owner: "w1"})
	const size = 100
	records := make([]journal.Record, size)
	for i := range records {
		records[i] = journal.Record{
			Key: fmt.Sprintf("dir/object-%06d", i), Run: "20261123T070000Z-7f3a", Outcome: journal.OutcomeDone, Size: 4096,
			SourceETag: "\"9a0364b9e99bb480dd25e1f0284c8555\"", DestinationETag: "\"9a0364b9e99bb480dd25e1f0284c8555\"",
			Checksum: driver.Checksum{Algorithm: driver.AlgorithmCRC64NVME, Value: "12345678"}, Grade: journal.GradeBoth,
			At: time.Now(), Message: "c1b1e0b2-0f6e-4c2e-9f0d-1f2e3d4c5b6a",
		}
	}
	before := spent(b)
	for b.Loop() {
		if err := j.Append(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((spent(b)-before).Microseconds())/float64(b.N*size), "cpu-µs/record")
	b.ReportAllocs()
}

// spent returns the CPU time of this process.
func spent(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
