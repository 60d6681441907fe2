package engine

import (
	"context"
	"sync"
	"time"
)

// holdsLook is how often a worker looks whether its messages are still its own. What is
// held is extended every third of the visibility; a PUT of a lost one may land late.
const holdsLook = 5 * time.Second

// holds are the messages that a worker works on.
type holds struct {
	mu   sync.Mutex
	open map[*parcel]bool
}

func (h *holds) add(p *parcel) {
	if process := p.server.fleet.Process; process != nil {
		process.Held.Add(1)
		if !p.message.Sent.IsZero() {
			process.SetLag(time.Since(p.message.Sent))
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = map[*parcel]bool{}
	}
	h.open[p] = true
}

func (h *holds) drop(p *parcel) {
	if process := p.server.fleet.Process; process != nil {
		process.Held.Add(-1)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, p)
	p.lose() // nothing waits for it any more
}

// watchHolds ends the work on messages that are somebody else's by now, until ctx ends.
func (s *server) watchHolds(ctx context.Context) {
	ticker := time.NewTicker(holdsLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.holds.mu.Lock()
		for p := range s.holds.open {
			if p.lost.Err() == nil && !s.fleet.Queue.Held(p.message) {
				s.engine.log.Warn("message is no longer this worker's; it is left to whoever has it", "message", p.message.Name)
				p.lose()
			}
		}
		s.holds.mu.Unlock()
	}
}
