package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dth-dev/dth/tests/cloud/proxy"
)

// quick makes what takes a fleet minutes take seconds: others take over soon.
var quick = []string{"--visibility=6s", "--lease=5s", "--look-again=8s", "--retry-after=1s"}

// fleetKills is how often a process of the fleet is killed in one round, and how many
// rounds there are.
func fleetKills() (rounds, kills int) {
	if os.Getenv("DTH_FAULTS") == "long" {
		return 8, 25
	}
	return 1, 8
}

// misfortunes are what AWS does to any request now and then.
func misfortunes() []proxy.Fault {
	often := func(operation string, do proxy.Action, share float64) proxy.Fault {
		return proxy.Fault{Operation: operation, Do: do, Share: share, Times: -1}
	}
	throttled := often("dynamodb.*", proxy.Fail, 0.01)
	throttled.Code = "ProvisionedThroughputExceededException"
	full := often("sqs.ReceiveMessage", proxy.Fail, 0.02)
	full.Code = "OverLimit"
	broken := often("*", proxy.Fail, 0.01)
	broken.Status = 500
	stale := often("sqs.DeleteMessageBatch", proxy.Entries, 0.05)
	stale.Code = proxy.StaleHandle
	late := often("sqs.SendMessageBatch", proxy.Delay, 0.02)
	late.Delay = 2 * time.Second
	return []proxy.Fault{
		often("sqs.SendMessageBatch", proxy.Entries, 0.05), stale, often("sqs.DeleteMessageBatch", proxy.Entries, 0.05),
		often("sqs.ChangeMessageVisibilityBatch", proxy.Entries, 0.05), often("sqs.ReceiveMessage", proxy.Duplicate, 0.05),
		often("dynamodb.BatchGetItem", proxy.Entries, 0.05), often("dynamodb.TransactWriteItems", proxy.Conflict, 0.1),
		late, full, throttled, broken, often("*", proxy.Lose, 0.01), often("*", proxy.Drop, 0.01),
	}
}

// TestFleetSurvives kills workers, finders and plugins at random moments, while AWS fails
// in every way that it documents: nothing is lost, torn or deleted, no upload is left open,
// and every message is accounted for.
func TestFleetSurvives(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &siege{t: t, fleet: startFleet(t), random: rand.New(rand.NewPCG(seed, 3)), source: startMem(t, "SOURCE"), destination: startMem(t, "DESTINATION")}
	s.door = s.fleet.doorway()
	s.program = newProgram(t, slices.Concat(s.source.keys(), s.destination.keys(), s.fleet.env)...)
	s.locations = slices.Concat([]string{s.source.at(""), s.destination.at("")}, giantSized, quick)
	s.destination.put("foreign/kept", content("kept", 100))
	rounds, kills := fleetKills()
	for round := range rounds {
		s.change(round)
		s.besiege(kills)
		s.settle()
	}
}

// siege is a fleet under attack.
type siege struct {
	t                   *testing.T
	fleet               *fleet
	door                *proxy.Proxy
	program             *program
	random              *rand.Rand
	source, destination *memStore
	locations           []string
	workers             []*running
	finder              *running
}

// change puts new objects and new versions of old ones: small, in parts, and giants.
func (s *siege) change(round int) {
	for i := range 600 {
		key := fmt.Sprintf("small/%d", (round*100+i)%900)
		s.source.put(key, content(fmt.Sprint(key, round), 500+i))
	}
	for i := range 2 {
		s.source.put(fmt.Sprintf("parts/%d", i), content(fmt.Sprint("parts", round, i), 9<<20+i))
		s.source.put(fmt.Sprintf("giant/%d", i), content(fmt.Sprint("giant", round, i), 33<<20+i))
	}
}

// besiege keeps three workers and a finder running and kills one of them, or one of their
// plugins, again and again.
func (s *siege) besiege(kills int) {
	s.door.Inject(misfortunes()...)
	defer s.door.Heal()
	for range kills {
		s.restart()
		pause := time.NewTimer(time.Duration(100+s.random.IntN(1200)) * time.Millisecond)
		<-pause.C // the moment of the attack is the random part of the test
		all := append(slices.Clone(s.workers), s.finder)
		victim := all[s.random.IntN(len(all))].command.Process.Pid
		if plugins := childrenOf(victim); len(plugins) > 0 && s.random.IntN(3) == 0 {
			victim = plugins[s.random.IntN(len(plugins))]
		}
		_ = syscall.Kill(victim, syscall.SIGKILL) // it may just have ended
	}
}

// restart starts what is not running.
func (s *siege) restart() {
	for len(s.workers) < 3 {
		s.workers = append(s.workers, startWorker(s.t, s.program, s.locations...))
	}
	for i, worker := range s.workers {
		if worker.hasEnded() {
			s.workers[i] = startWorker(s.t, s.program, s.locations...)
		}
	}
	if s.finder == nil || s.finder.hasEnded() {
		s.finder = s.program.start(append([]string{"finder", "--wait"}, s.locations...)...)
	}
}

// settle lets the fleet finish without further attacks and checks what it left.
func (s *siege) settle() {
	s.t.Helper()
	s.restart()
	s.finder.wait() // a finder that was killed holds its lease for a while: this one may find it taken
	s.restart()
	s.finder.wait()
	s.find("--wait")
	s.awaitEmptyQueues()
	s.find("--wait")
	s.awaitEmptyQueues()
	s.awaitNoUploads()
	s.awaitEmptyQueues()
	for _, worker := range s.workers {
		stopWorker(s.t, worker)
	}
	s.workers = nil
	s.compare()
	s.accountForLetters()
}

// accountForLetters holds each dead letter to what it may be about: an object of the source
// or a part of one, which compare has found whole at the destination, with what happened.
func (s *siege) accountForLetters() {
	s.t.Helper()
	got := s.program.run("dlq", "list", "--json")
	var letters []letter
	if err := json.Unmarshal([]byte(got.stdout), &letters); err != nil || got.code != 0 {
		s.t.Fatalf("%v: %+v", err, got)
	}
	known := s.source.Keys(bucket)
	for _, one := range letters {
		if one.Kind == "message" || one.Reason == "" || one.Run == "" {
			s.t.Errorf("a letter that no work explains: %+v", one)
		}
		for _, object := range one.Objects {
			if !slices.Contains(known, object.Key) {
				s.t.Errorf("a letter about what the source never had: %+v", one)
			}
		}
	}
	s.t.Logf("%d dead letters", len(letters))
}

// find runs a finder, as soon as no other holds the lease.
func (s *siege) find(flags ...string) {
	s.t.Helper()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		got := s.program.run(slices.Concat([]string{"finder"}, flags, s.locations)...)
		if got.code == 0 {
			return
		}
		if got.code != 6 || s.t.Context().Err() != nil {
			s.t.Fatalf("the finder ended with %d: %s", got.code, got.stderr)
		}
		<-look.C
	}
}

// awaitNoUploads has finders sweep what dead workers left of giants, until nothing is open.
// They look at a giant object that nothing has happened to for twelve leases.
func (s *siege) awaitNoUploads() {
	s.t.Helper()
	look := time.NewTicker(5 * time.Second)
	defer look.Stop()
	for {
		open := s.destination.Uploads(bucket)
		if len(open) == 0 {
			return
		}
		select {
		case <-s.t.Context().Done():
			s.t.Fatalf("uploads are left open: %+v", open)
		case <-look.C:
		}
		s.find()
	}
}

// compare holds the destination to the source, byte by byte.
func (s *siege) compare() {
	s.t.Helper()
	keys := s.source.Keys(bucket)
	sameAs(s.t, "the destination", s.source, s.destination)
	if held := s.destination.Keys(bucket); len(held) != len(keys)+1 {
		s.t.Errorf("the destination holds %d objects, want those %d of the source and a foreign one", len(held), len(keys))
	}
}

// awaitEmptyQueues waits until nothing is in the fleet's queues; dead letters are told.
func (s *siege) awaitEmptyQueues() {
	s.t.Helper()
	look := time.NewTicker(500 * time.Millisecond) // a queue tells nobody that it is empty
	defer look.Stop()
	for {
		main, prio := s.fleet.depth(s.fleet.Queues.Main.URL), s.fleet.depth(s.fleet.Queues.Prio.URL)
		if main == "0+0+0" && prio == "0+0+0" {
			return
		}
		select {
		case <-s.t.Context().Done():
			s.t.Fatalf("the queues do not get empty: %s, %s", main, prio)
		case <-look.C:
		}
	}
}

func (r *running) hasEnded() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// childrenOf returns the processes that a process started.
func childrenOf(pid int) []int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	var children []int
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if parent, err := strconv.Atoi(fields[1]); err == nil && parent == pid {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}
