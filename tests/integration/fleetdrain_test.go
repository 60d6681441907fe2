package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dth-dev/dth/sdk/memdriver"
)

// instance is what EC2 and its Auto Scaling group say to one machine.
type instance struct {
	*httptest.Server

	mu      sync.Mutex
	entries map[string]string // of its metadata
	actions []string          // that Auto Scaling was asked for
}

func startInstance(t *testing.T) *instance {
	t.Helper()
	i := &instance{entries: map[string]string{"instance-id": "i-0123456789abcdef0"}}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

// ServeHTTP is the second version of the metadata service, which wants a token, and what
// little of Auto Scaling a machine that ends needs.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	const token = "a session token"
	entry, asked := i.entries[strings.TrimPrefix(r.URL.Path, "/latest/meta-data/")]
	switch {
	case r.Method == http.MethodPost:
		action := r.PostFormValue("Action")
		i.actions = append(i.actions, action+" of "+r.PostFormValue("LifecycleHookName")+": "+r.PostFormValue("LifecycleActionResult"))
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, "<%sResponse><%[1]sResult/></%[1]sResponse>", action)
	case r.Method == http.MethodPut:
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds"))
		fmt.Fprint(w, token)
	case r.Header.Get("X-Aws-Ec2-Metadata-Token") != token:
		http.Error(w, "no token", http.StatusUnauthorized)
	case !asked:
		http.NotFound(w, r)
	default:
		fmt.Fprint(w, entry)
	}
}

// tell adds entries to the metadata.
func (i *instance) tell(entries ...[2]string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, entry := range entries {
		i.entries[entry[0]] = entry[1]
	}
}

// asked returns what Auto Scaling was asked for.
func (i *instance) asked() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.actions)
}

// listenAsSystemd returns what a process tells systemd, for when it has ended.
func listenAsSystemd(t *testing.T, name string) (path string, told func() []string) {
	t.Helper()
	path = filepath.Join(sockets(), name)
	address := &net.UnixAddr{Name: path, Net: "unixgram"}
	socket, err := net.ListenUnixgram("unixgram", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = socket.Close() // it is not written to
		_ = os.Remove(path)
	})
	return path, func() []string {
		t.Helper()
		const end = "the test's own"
		sender, err := net.DialUnix("unixgram", nil, address)
		if err == nil {
			defer sender.Close()
			_, err = sender.Write([]byte(end))
		}
		var heard []string
		for text := make([]byte, 4096); err == nil; {
			var n int
			if n, err = socket.Read(text); err == nil {
				if string(text[:n]) == end {
					return heard
				}
				heard = append(heard, string(text[:n]))
			}
		}
		t.Fatal(err)
		return nil
	}
}

// held has the destination hold what the fault strikes until release is closed, and
// returns a function that waits until so many requests have come.
func held(store *memStore, release <-chan struct{}, fault memdriver.Fault) (come func(requests int)) {
	arrived := make(chan struct{}, 1000)
	hold := memdriver.Hold(release)
	fault.Effect = func(next http.Handler) http.Handler {
		return memdriver.Do(func() { arrived <- struct{}{} })(hold(next))
	}
	store.Inject(fault)
	return func(requests int) {
		for range requests {
			<-arrived
		}
	}
}

// TestFleetDrains stops a worker in the middle of a giant object and of small ones, in all
// ways in which machines are stopped: it ends well and soon, what it has not done is
// somebody else's at once, and nothing is lost or left open.
func TestFleetDrains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stop   func(worker *running, machine *instance)
		reason string
		asked  []string // of Auto Scaling
	}{
		"SIGTERM": {
			func(worker *running, _ *instance) { _ = worker.command.Process.Signal(syscall.SIGTERM) }, // it runs
			"the process was asked to stop", nil,
		},
		"Spot notice": {
			func(_ *running, machine *instance) {
				machine.tell([2]string{"spot/instance-action", `{"action":"terminate","time":"2099-01-02T03:04:05Z"}`})
			},
			"EC2 takes the Spot instance back at 2099-01-02T03:04:05Z", nil,
		},
		"Auto Scaling": {
			func(_ *running, machine *instance) {
				machine.tell([2]string{"tags/instance/aws:autoscaling:groupName", "workers"}, [2]string{"tags/instance/dth:termination-hook", "drain"},
					[2]string{"autoscaling/target-lifecycle-state", "Terminated"})
			},
			"the Auto Scaling group terminates the instance", []string{"CompleteLifecycleAction of drain: CONTINUE"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDrained(t)
			path, told := listenAsSystemd(t, fmt.Sprintf("systemd%d", len(name)))
			p := newProgram(t, append(slices.Clone(d.env), "NOTIFY_SOCKET="+path)...)
			release := make(chan struct{})
			part := held(d.destination, release, memdriver.Fault{Call: "Part", First: 2})
			put := held(d.destination, release, memdriver.Fault{Call: "Put", First: 50})
			worker := startWorker(t, p, append(slices.Clone(d.flags), "--transfers=4")...)
			d.find("giant", 1, 24<<20)
			part(2)
			d.find("small", 300, 100)
			put(2) // all four are busy now
			d.scrape(worker)
			c.stop(worker, d.machine)
			worker.says("worker drains")
			close(release)
			ended := worker.wait()
			if ended.code != 0 || !strings.Contains(ended.stderr, c.reason) {
				t.Errorf("it ended with %d and did not say %q: %s", ended.code, c.reason, ended.stderr)
			}
			if heard := told(); !slices.Equal(heard, []string{"READY=1", "STOPPING=1"}) {
				t.Errorf("systemd heard %q", heard)
			}
			if asked := d.machine.asked(); !slices.Equal(asked, c.asked) {
				t.Errorf("Auto Scaling was asked for %q, want %q", asked, c.asked)
			}
			d.goOn(p)
		})
	}
}

// drained is a fleet one of whose workers is stopped.
type drained struct {
	*fleet
	source, destination *memStore
	machine             *instance
	flags               []string
	runs                []string
}

// startDrained starts a fleet without anything to do.
func startDrained(t *testing.T) *drained {
	t.Helper()
	d := &drained{fleet: startFleet(t), source: startMem(t, "SOURCE"), destination: startMem(t, "DESTINATION"), machine: startInstance(t)}
	d.env = slices.Concat(d.source.keys(), d.destination.keys(), d.env, []string{
		"AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + d.machine.URL, "AWS_ENDPOINT_URL_AUTO_SCALING=" + d.machine.URL,
	})
	d.flags = slices.Concat([]string{d.source.at(""), d.destination.at("")}, giantSized, []string{"--retry-after=1s", "--look-again=2s", "--visibility=6s"})
	return d
}

// find puts objects at the source and has a finder send them and no others.
func (d *drained) find(name string, objects, size int) {
	d.t.Helper()
	for i := range objects {
		key := fmt.Sprint(name, "/", i)
		d.source.put(key, content(key, size))
	}
	p := newProgram(d.t, d.env...)
	found := p.must(0, append([]string{"finder", "--json", "--prefixes-from=" + p.write("list", name+"/")}, d.flags...)...).report(d.t)
	d.runs = append(d.runs, found.Run)
}

// scrape asks a worker at work how it is.
func (d *drained) scrape(worker *running) {
	d.t.Helper()
	address := worker.says(`"address":"(127\.0\.0\.1:[0-9]+)"`)[1]
	for path, want := range map[string]string{"/healthz": "ok\n", "/metrics": "\ndth_objects_in_flight "} {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			d.t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close() // it was read
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			d.t.Errorf("%s: %s, %v, without %q: %s", path, answer.Status, err, want, text)
		}
	}
}

// goOn looks at what a worker left and has another one do it.
func (d *drained) goOn(p *program) {
	t := d.t
	t.Helper()
	// MiniStack hands what comes back to the request that the worker gave up, too: for a
	// while it may be with nobody.
	if left := d.depth(d.Queues.Main.URL); left == "0+0+0" {
		t.Error("the worker left nothing to do: nothing was tested")
	}
	d.destination.Heal()
	worker := startWorker(t, newProgram(t, append(slices.Clone(d.env), "AWS_EC2_METADATA_DISABLED=true")...), d.flags...)
	d.awaitQueue(d.Queues.Prio, "0+0+0")
	d.awaitQueue(d.Queues.Main, "0+0+0")
	d.awaitQueue(d.Queues.Prio, "0+0+0")
	stopWorker(t, worker)
	if open := d.destination.Uploads(bucket); len(open) > 0 {
		t.Errorf("uploads are left open: %+v", open)
	}
	sameAs(t, "the destination", d.source, d.destination)
	copied := int64(0)
	for _, run := range d.runs {
		got := p.must(0, "status", run, "--json").report(t).Objects
		if copied += got.Copied; got.Failed > 0 {
			t.Errorf("counted %+v", got)
		}
	}
	if keys := int64(len(d.source.Keys(bucket))); copied != keys {
		t.Errorf("%d objects were copied, want %d", copied, keys)
	}
}
