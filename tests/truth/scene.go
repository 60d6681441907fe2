package truth

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/memdriver"
)

// Scene is what many histories are played on, one after the other: two servers, and a
// folder for state files. It is for one goroutine.
type Scene struct {
	servers map[Side]*memdriver.Server
	clocks  map[Side]*clock
	folder  string // of all state files
	state   *state // of the pair of both buckets, emptied for each history
	states  int    // state files so far
	played  int
	stage   atomic.Pointer[stage] // of the present history
}

// effect passes requests on to the stage of the present history.
func (s *Scene) effect(side Side) memdriver.Effect {
	return func(next http.Handler) http.Handler {
		present := s.stage.Load()
		if present == nil {
			return next
		}
		return present.effect(side)(next)
	}
}

// clock is the clock of a store. It goes on only when it is told to.
type clock struct{ unix atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.unix.Load(), 0) }

// memoryFolder is where state files cost no disk, where the system has it.
const memoryFolder = "/dev/shm"

// NewScene starts the servers. The caller closes the scene.
func NewScene() (*Scene, error) {
	s := &Scene{servers: map[Side]*memdriver.Server{}, clocks: map[Side]*clock{}}
	parent := memoryFolder
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	var err error
	if s.folder, err = os.MkdirTemp(parent, "truth-"); err != nil {
		return nil, err
	}
	for _, side := range []Side{Source, Destination} {
		c := &clock{}
		s.clocks[side] = c
		server, err := memdriver.NewServer(memdriver.Config{Accounts: map[string]memdriver.Account{"id": {Secret: "secret"}}, Now: c.now})
		if err != nil {
			return nil, err
		}
		s.servers[side] = server
		server.Inject(memdriver.Fault{Effect: s.effect(side)})
	}
	return s, nil
}

// Close ends the servers and removes the state files.
func (s *Scene) Close() error {
	for _, server := range s.servers {
		if err := server.Close(); err != nil {
			return err
		}
	}
	if s.state != nil {
		if err := s.state.file.Close(); err != nil {
			return err
		}
	}
	return os.RemoveAll(s.folder) // made by NewScene
}

// newStage prepares the buckets and clocks of a history.
func (s *Scene) newStage(h *History) (*stage, error) {
	s.played++
	st := &stage{
		history: h, servers: s.servers, buckets: map[Side]string{},
		landed: map[string]map[string]bool{}, lateMade: map[string]bool{}, omitted: map[string]bool{}, lied: map[string]bool{},
		pass: func(side Side) { s.clocks[side].unix.Add(1) },
	}
	st.changed = sync.NewCond(&st.mu)
	now := time.Now().Unix()
	for side, abilities := range map[Side]Abilities{Source: h.Source, Destination: h.Destination} {
		s.clocks[side].unix.Store(now + int64(abilities.Ahead/time.Second))
		s.servers[side].RemoveBucket(fmt.Sprintf("%s-%d", side, s.played-1))
		bucket := fmt.Sprintf("%s-%d", side, s.played)
		st.buckets[side] = bucket
		s.servers[side].CreateBucket(bucket)
		if !abilities.ETagMD5 {
			if err := s.servers[side].OpaqueETags(bucket); err != nil {
				return nil, err
			}
		}
	}
	st.freeze = func() {}
	s.stage.Store(st)
	st.source = &sourceModel{server: s.servers[Source], bucket: st.buckets[Source], clock: s.clocks[Source], lives: map[string][]life{}}
	return st, nil
}

// minPart is small, so that small objects travel in parts.
const minPart = 100

// open opens the bucket of a side as its abilities say.
func (s *Scene) open(ctx context.Context, st *stage, side Side) (driver.Bucket, error) {
	abilities := st.history.Source
	if side == Destination {
		abilities = st.history.Destination
	}
	listing := "ordered"
	if !abilities.Ordered {
		listing = "unordered"
	}
	secrets := map[string]string{"MEM_ACCESS_KEY_ID": "id", "MEM_SECRET_ACCESS_KEY": "secret"}
	bucket, err := memdriver.New(func(name string) string { return secrets[name] }).Open(ctx, driver.OpenRequest{
		Bucket: st.buckets[side], Credentials: "env:MEM",
		Options: map[string]string{
			"endpoint": s.servers[side].SocketEndpoint(), "framing": abilities.Framing, "replies": abilities.Replies,
			"listing": listing, "min-part": fmt.Sprint(minPart),
		},
	})
	if err != nil {
		return nil, err
	}
	able, ok := bucket.(memory)
	if !ok {
		return nil, fmt.Errorf("%T lacks abilities", bucket)
	}
	return limited{memory: able, Abilities: abilities, side: side, stage: st}, nil
}
