package drain_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/drain"
)

// action is what Auto Scaling is to be asked for.
func action(name string, more ...string) url.Values {
	values := url.Values{
		"Action": {name}, "AutoScalingGroupName": {"workers"}, "LifecycleHookName": {"drain"}, "InstanceId": {"i-0123456789abcdef0"},
	}
	for i := 0; i < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return values
}

func TestComplete(t *testing.T) {
	t.Parallel()
	tags := map[string]string{lifecycle: "Terminated", group: "workers", hook: "drain"}
	complete := []url.Values{action("CompleteLifecycleAction", "LifecycleActionResult", "CONTINUE")}
	cases := map[string]struct {
		entries map[string]string
		given   bool   // whether group and hook are given, else they are tags
		refusal string // by Auto Scaling
		want    []url.Values
		err     string
	}{
		"named by tags":       {entries: tags, want: complete},
		"named by parameters": {entries: map[string]string{lifecycle: "Terminated"}, given: true, want: complete},
		"nobody waits":        {entries: map[string]string{lifecycle: "InService", spot: "{}"}, given: true},
		"no group at all":     {entries: map[string]string{spot: "{}"}, given: true},
		"no hook is named":    {entries: map[string]string{lifecycle: "Terminated", group: "workers"}},
		"too late": {
			entries: tags, want: complete,
			refusal: "No active Lifecycle Action found with instance ID i-0123456789abcdef0",
		},
		"refused": {entries: tags, want: complete, refusal: "AutoScalingGroup name not found", err: "hook drain of Auto Scaling group workers"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud, ticks := newCloud(t, c.entries), make(chan time.Time)
			cloud.refusal = c.refusal
			options := cloud.options(ticks)
			if c.given {
				options.Group, options.Hook = "workers", "drain"
			}
			w := drain.Watch(t.Context(), options)
			ticks <- time.Time{} // the first look is over
			err := w.Complete(t.Context())
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("Complete = %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.want, cloud.requests()); diff != "" {
				t.Errorf("requests to Auto Scaling (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompleteSeesATerminationAfterTheLastLook(t *testing.T) {
	t.Parallel()
	cloud, ticks := newCloud(t, map[string]string{group: "workers", hook: "drain"}), make(chan time.Time)
	w := drain.Watch(t.Context(), cloud.options(ticks))
	ticks <- time.Time{}
	w.Close()
	cloud.set(lifecycle, "Terminated")
	if err := w.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(cloud.requests()); n != 1 {
		t.Errorf("%d requests to Auto Scaling, want one", n)
	}
}

func TestGroupIsKeptWaitingWhileWorkEnds(t *testing.T) {
	t.Parallel()
	cloud, ticks := newCloud(t, map[string]string{lifecycle: "Terminated"}), make(chan time.Time)
	options := cloud.options(ticks)
	options.Group, options.Hook = "workers", "drain"
	w := drain.Watch(t.Context(), options)
	pump(t, ticks, w.Context().Done())
	pump(t, ticks, cloud.asked)
	pump(t, ticks, cloud.asked)
	w.Close()
	for _, got := range cloud.requests() {
		if diff := cmp.Diff(action("RecordLifecycleActionHeartbeat"), got); diff != "" {
			t.Errorf("request to Auto Scaling (-want +got):\n%s", diff)
		}
	}
}
