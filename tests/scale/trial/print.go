package trial

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/dth-dev/dth/tests/cloud/standin"
	"github.com/dth-dev/dth/tests/usage"
)

// Print writes what one object took, on average of so many.
func (r Result) Print(to io.Writer, objects int) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	each := func(sum float64) float64 { return sum / float64(objects) }
	line := func(name, format string, values ...any) { fmt.Fprintf(table, name+"\t"+format+"\n", values...) }
	fmt.Fprintf(table, "\n%d objects\n", objects)
	for _, process := range []struct {
		name string
		took usage.Usage
	}{{"finder", r.Finder}, {"worker", r.Worker}} {
		u := process.took
		line(process.name, "%.1f µs of CPU an object (plugins %.0f %%), %.0f objects/s, host %s MiB, plugins %s MiB at most",
			each(u.CPU.Seconds()*1e6), u.PluginCPU.Seconds()/u.CPU.Seconds()*100, float64(objects)/u.Wall.Seconds(), mebibytes(u.HostPeak), mebibytes(u.PluginPeaks...))
	}
	fmt.Fprint(table, warnings(r.Worker.Output))
	line("SQS", "%.5f requests an object, %.5f chunks of 64 KB, %d messages, %d receives without one",
		each(float64(r.Done.Requests())), each(float64(r.Done.Chunks)), r.Sent.Left(), r.Done.Queues["empty"])
	for _, name := range []string{standin.ObjectsTable, standin.PartsTable} {
		t := r.Done.Tables[name]
		line("DynamoDB, "+name, "%.5f writes an object (%.5f units), %.5f reads (%.5f units), %.5f requests",
			each(float64(t.Writes)), each(float64(t.WriteUnits)), each(float64(t.Reads)), each(float64(t.ReadUnits)), each(float64(t.Requests)))
		line("", "%d items of %.0f bytes", t.Items, float64(t.Bytes)/float64(max(1, t.Items)))
	}
}

// warnings returns the lines of a log that say more than that all is well.
func warnings(log string) string {
	var found strings.Builder
	for line := range strings.Lines(log) {
		if strings.Contains(line, "[WARN]") || strings.Contains(line, "[ERROR]") || strings.Contains(line, `"@level":"warn"`) || strings.Contains(line, `"@level":"error"`) {
			found.WriteString(line)
		}
	}
	return found.String()
}

func mebibytes(sizes ...int64) string {
	text := ""
	for i, size := range sizes {
		if i > 0 {
			text += " and "
		}
		text += fmt.Sprintf("%.0f", float64(size)/(1<<20))
	}
	return text
}
