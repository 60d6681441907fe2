package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/dth-dev/dth/core/observe"
)

const (
	progressInterval = 250 * time.Millisecond
	rateWindow       = 20 // looks over which the rate is measured: five seconds
	longestETA       = 99 * 24 * time.Hour
)

// showProgress draws how far a run has come, until stop is called. What is
// logged meanwhile appears above.
func showProgress(logs *console, snapshot func() observe.Snapshot) (stop func()) {
	var rate rateMeter
	var lines sync.Mutex
	var bytes, objects string
	bars := mpb.New(mpb.WithOutput(logs.output), mpb.WithRefreshRate(progressInterval), mpb.WithAutoRefresh())
	bar := bars.AddBar(0, mpb.BarWidth(24), mpb.BarRemoveOnComplete(),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			lines.Lock()
			defer lines.Unlock()
			return bytes
		})),
		mpb.BarExtender(mpb.BarFillerFunc(func(w io.Writer, _ decor.Statistics) error {
			lines.Lock()
			defer lines.Unlock()
			_, err := fmt.Fprintln(w, objects)
			return err
		}), true))
	look := func() {
		now := snapshot()
		rate.add(time.Now(), now.MovedBytes)
		lines.Lock()
		objects, bytes = objectsText(now), " "+movedText(now, rate.perSecond())
		lines.Unlock()
		bar.SetTotal(max(now.PlannedBytes, 1), false)
		bar.SetCurrent(min(now.MovedBytes, now.PlannedBytes))
	}
	look()
	logs.use(bars)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				look()
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		bar.Abort(true)
		bars.Wait()
		logs.use(nil)
	}
}

// objectsText tells objects. Before the listing has ended the total still grows, and
// the text says so.
func objectsText(now observe.Snapshot) string {
	growing := ""
	if !now.ListingDone {
		growing = fmt.Sprintf(" and growing (%s listed)", humanize.Comma(now.Listed))
	}
	return fmt.Sprintf("%s of %s objects%s · %d in flight · %d failed",
		humanize.Comma(now.Copied), humanize.Comma(now.Planned), growing, now.InFlight, now.Failed)
}

// movedText tells bytes.
func movedText(now observe.Snapshot, bytesPerSecond float64) string {
	return fmt.Sprintf("%s of %s · %s/s · ETA %s",
		bytesText(now.MovedBytes), bytesText(now.PlannedBytes), bytesText(int64(bytesPerSecond)), etaText(now, bytesPerSecond))
}

// etaText tells when the run may end, once everything that is to do is known.
func etaText(now observe.Snapshot, bytesPerSecond float64) string {
	left := float64(now.PlannedBytes - now.MovedBytes)
	if !now.ListingDone || bytesPerSecond < 1 || left < 0 {
		return "-"
	}
	if left > longestETA.Seconds()*bytesPerSecond {
		return "more than 99 days"
	}
	return (time.Duration(left/bytesPerSecond) * time.Second).String()
}

func bytesText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// rateMeter measures a rate over the last looks. The zero value is ready.
type rateMeter struct {
	looks []rateLook
}

type rateLook struct {
	at    time.Time
	total int64
}

func (m *rateMeter) add(at time.Time, total int64) {
	m.looks = append(m.looks, rateLook{at, total})
	if len(m.looks) > rateWindow {
		m.looks = m.looks[1:]
	}
}

func (m *rateMeter) perSecond() float64 {
	if len(m.looks) < 2 {
		return 0
	}
	first, last := m.looks[0], m.looks[len(m.looks)-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(last.total-first.total) / seconds
}
