package cost

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/dth-dev/dth/core/assembly/stepfunctions"
	"github.com/dth-dev/dth/core/queue/sqs"
)

// emitted returns the names of the metrics of a document of core/observe/emf, and its bytes.
func emitted(t *testing.T, name string) (metrics map[string]bool, size int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "observe", "emf", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	metrics = map[string]bool{}
	for _, of := range document.AWS.CloudWatchMetrics { // with a dimension, and without
		for _, metric := range of.Metrics {
			metrics[fmt.Sprint(metric.Name, of.Dimensions)] = true
		}
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		t.Fatal(err)
	}
	return metrics, line.Len()
}

func TestMetricsAreThoseThatAreEmitted(t *testing.T) {
	t.Parallel()
	worker, size := emitted(t, "worker.json")
	repeated, _ := emitted(t, "dimensionless.json")
	maps.Copy(worker, repeated)
	finder, _ := emitted(t, "finder.json")
	shared := 0
	for name := range finder {
		if worker[name] {
			shared++
		}
	}
	if len(worker) != workerMetrics || len(finder) != finderMetrics || shared != sharedMetrics {
		t.Errorf("%d, %d and %d of both, want %d, %d and %d", len(worker), len(finder), shared, workerMetrics, finderMetrics, sharedMetrics)
	}
	if size+26 > documentBytes || size+26 < documentBytes/2 {
		t.Errorf("a document has %d bytes with the 26 of CloudWatch, %d are counted", size+26, documentBytes)
	}
}

func TestPausesAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	if got := stepfunctions.DefaultWait.Seconds(); got != secondsPerRound {
		t.Errorf("a round takes %v s, not %v", got, secondsPerRound)
	}
	if got := 2 / sqs.DefaultTimings.Wait.Seconds(); got != looksPerSecond {
		t.Errorf("an idle worker looks %v times a second, not %v", got, looksPerSecond)
	}
}
