package integration

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// TestPluginsKilledAndStoppedInTheMiddle kills, then stops, both plugins of a run
// while it copies. They are started again, and no object fails.
func TestPluginsKilledAndStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, destination := startMem(t, "SRC"), startMem(t, "DST")
			p := newProgram(t, append(source.keys(), destination.keys()...)...)
			const objects = 300
			for i := range objects {
				source.put(fmt.Sprintf("small/%d", i), content(fmt.Sprint(i), 1000+i))
			}
			source.put("large", content("large", 20<<20))
			reached, struck := make(chan struct{}), make(chan struct{})
			destination.Inject(memdriver.Fault{Call: "Put", First: objects / 3, Times: 1, Effect: memdriver.Do(func() {
				close(reached)
				<-struck
			})})
			r := p.start(append([]string{"sync", source.at(""), destination.at(""), "--json"}, inParts...)...)
			<-reached
			if n := strike(t, r.plugins(), signal); n != 2 {
				t.Errorf("%d plugins were struck, want 2", n)
			}
			close(struck)
			finished := r.wait()
			if finished.code != 0 {
				t.Fatalf("exit code %d\n%s", finished.code, finished.stderr)
			}
			report := finished.report(t)
			if report.Objects.Copied != objects+1 || report.Objects.Failed != 0 {
				t.Errorf("copied %d, failed %d, want %d and 0", report.Objects.Copied, report.Objects.Failed, objects+1)
			}
		})
	}
}

// strike sends a signal to processes and returns how many got it.
func strike(t *testing.T, pids []string, signal syscall.Signal) int {
	t.Helper()
	struck := 0
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		if err == nil {
			err = syscall.Kill(pid, signal)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		struck++
	}
	return struck
}
