package host_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/host"
)

func TestDescriptionCrosses(t *testing.T) {
	t.Parallel()
	plugin, err := host.Start(t.Context(), install(t, "fake"), host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer plugin.Close()
	got, err := plugin.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, _ := fakeDriver{}.Describe(t.Context())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSessionCrosses(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff((&fakeBucket{name: "b"}).Session(), open(t, host.Options{}).Session()); diff != "" {
		t.Error(diff)
	}
}

// What the driver returns arrives as it was, whatever bytes it holds.
func TestAnswersCross(t *testing.T) {
	t.Parallel()
	ctx, local, remote := t.Context(), &fakeBucket{name: "b"}, open(t, host.Options{})
	now := time.Unix(1_700_000_000, 0).UTC()
	upload := driver.UploadRef{Key: "k\xfe", ID: "u\xff"}
	uploader := remote.(driver.Uploader) //nolint:forcetypeassert // declared by the session
	for name, compare := range map[string]func() (want, got any, err error){
		"page": func() (any, any, error) {
			request := driver.ListRequest{Prefix: "p\xff", Token: "t\xfe", MaxKeys: 3}
			want, _ := local.List(ctx, request)
			got, err := remote.List(ctx, request)
			return want, got, err
		},
		"empty page": func() (any, any, error) {
			want, _ := local.List(ctx, driver.ListRequest{})
			got, err := remote.List(ctx, driver.ListRequest{})
			return want, got, err
		},
		"object": func() (any, any, error) {
			got, err := remote.Stat(ctx, driver.StatRequest{Key: "a\xff"})
			return driver.Object{Key: "a\xff"}, got, err
		},
		"download": func() (any, any, error) {
			want, _ := local.SignGet(ctx, driver.GetRequest{Key: "k\xff", Now: now})
			got, err := remote.SignGet(ctx, driver.GetRequest{Key: "k\xff", Now: now})
			return want, got, err
		},
		"upload": func() (any, any, error) {
			want, _ := local.SignPut(ctx, driver.PutRequest{Key: "k", Now: now})
			got, err := remote.SignPut(ctx, driver.PutRequest{Key: "k", Now: now})
			return want, got, err
		},
		"part": func() (any, any, error) {
			want, _ := local.SignPart(ctx, driver.PartRequest{Upload: upload, Number: 3, Now: now})
			got, err := uploader.SignPart(ctx, driver.PartRequest{Upload: upload, Number: 3, Now: now})
			return want, got, err
		},
		"created upload": func() (any, any, error) {
			got, err := uploader.CreateUpload(ctx, driver.CreateUploadRequest{Key: "k\xfe"})
			return driver.Upload{UploadRef: upload}, got, err
		},
		"parts": func() (any, any, error) {
			want, _ := local.ListParts(ctx, driver.ListPartsRequest{Upload: upload})
			got, err := uploader.ListParts(ctx, driver.ListPartsRequest{Upload: upload})
			return want, got, err
		},
		"completed upload": func() (any, any, error) {
			request := driver.CompleteUploadRequest{Upload: upload, Parts: []driver.Part{{Number: 1}, {Number: 2}}, Size: 9}
			want, _ := local.CompleteUpload(ctx, request)
			got, err := uploader.CompleteUpload(ctx, request)
			return want, got, err
		},
		"aborted upload": func() (any, any, error) { return nil, nil, uploader.AbortUpload(ctx, upload) },
		"deletion":       func() (any, any, error) { return nil, nil, remote.Delete(ctx, driver.DeleteRequest{Key: "k"}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got, err := compare()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Exchanges of one kind share one reply on this side too.
func TestRepliesAreShared(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	first, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "a"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if first.Reply == nil || first.Reply != second.Reply {
		t.Errorf("replies %p and %p: want one", first.Reply, second.Reply)
	}
}

func TestErrorsCross(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	stat := func(key string) error {
		_, err := bucket.Stat(t.Context(), driver.StatRequest{Key: key})
		return err
	}
	signGet := func(key string) error {
		_, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: key})
		return err
	}
	for name, test := range map[string]struct {
		err  error
		want driver.Error
	}{
		"full": {stat("error"), driver.Error{
			Op: "Stat", Bucket: "b", Key: "error", Kind: driver.KindThrottled, Code: "SlowDown", Status: 503,
			RequestID: "r-1", RetryAfter: 3 * time.Second, Message: "please slow down",
		}},
		"plain":          {stat("plain-error"), driver.Error{Message: "plain"}},
		"panic":          {stat("panic"), driver.Error{Op: "Stat", Kind: driver.KindFatal, Code: "PluginPanic", Message: "the plugin panicked: boom https://host/key?… done"}},
		"signing":        {signGet("absent"), driver.Error{Op: "SignGet", Key: "absent", Kind: driver.KindNotFound}},
		"signing panics": {signGet("panic"), driver.Error{Op: "SignGet", Key: "panic", Kind: driver.KindFatal, Code: "PluginPanic", Message: "the plugin panicked: boom"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *driver.Error
			if !errors.As(test.err, &got) {
				t.Fatalf("%T %v: want *driver.Error", test.err, test.err)
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenReportsTheDriversError(t *testing.T) {
	t.Parallel()
	_, err := host.Open(t.Context(), install(t, "fake"), driver.OpenRequest{Bucket: "denied"}, host.Options{})
	if driver.KindOf(err) != driver.KindDenied || err.Error() != "Open: no such profile" {
		t.Errorf("got %v (%v)", err, driver.KindOf(err))
	}
}

func TestOpenRefusesWhatTheWireCannotCarry(t *testing.T) {
	t.Parallel()
	_, err := host.Open(t.Context(), install(t, "fake"), driver.OpenRequest{Bucket: "b\xff"}, host.Options{})
	if driver.KindOf(err) != driver.KindInvalidArgument || !strings.Contains(err.Error(), "the bucket's name is not valid UTF-8") {
		t.Errorf("got %v", err)
	}
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	for name, call := range map[string]func(context.Context) error{
		"unary": func(ctx context.Context) error {
			_, err := bucket.Stat(ctx, driver.StatRequest{Key: "wait"})
			return err
		},
		"signing": func(ctx context.Context) error {
			_, err := bucket.SignGet(ctx, driver.GetRequest{Key: "hang"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			ctx, cancel = context.WithCancel(t.Context())
			cancel()
			if err := call(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A call whose caller set no deadline ends all the same, as an error that is
// worth a retry and no context error.
func TestCallsHaveADeadline(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	host.SetCallTimeout(bucket, 100*time.Millisecond)
	_, unary := bucket.Stat(t.Context(), driver.StatRequest{Key: "wait"})
	_, signing := bucket.SignGet(t.Context(), driver.GetRequest{Key: "hang"})
	for name, err := range map[string]error{"Stat": unary, "SignGet": signing} {
		var failure *driver.Error
		if !errors.As(err, &failure) || failure.Kind != driver.KindUnavailable || failure.Code != "Timeout" || failure.Op != name {
			t.Errorf("%s: got %v", name, err)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v is a context error", name, err)
		}
	}
	host.SetCallTimeout(bucket, time.Minute)
	if _, err := bucket.SignGet(t.Context(), driver.GetRequest{Key: "next"}); err != nil {
		t.Errorf("after a timeout: %v", err)
	}
}

func TestAbilityNeedsItsCapability(t *testing.T) {
	t.Parallel()
	bucket, err := host.Open(t.Context(), install(t, "fake"), driver.OpenRequest{Bucket: "plain"}, host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	if _, ok := driver.As[driver.Uploader](bucket, driver.CapabilityUploader); ok {
		t.Error("an undeclared ability can be used")
	}
	uploader := bucket.(driver.Uploader) //nolint:forcetypeassert // the very point
	for name, err := range map[string]error{
		"AbortUpload": uploader.AbortUpload(t.Context(), driver.UploadRef{}),
		"SignPart": func() error {
			_, err := uploader.SignPart(t.Context(), driver.PartRequest{})
			return err
		}(),
	} {
		if driver.KindOf(err) != driver.KindUnsupported {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestClosedBucket(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	for range 2 {
		if err := bucket.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, stat := bucket.Stat(t.Context(), driver.StatRequest{Key: "a"})
	_, sign := bucket.SignGet(t.Context(), driver.GetRequest{Key: "a"})
	for name, err := range map[string]error{"Stat": stat, "SignGet": sign} {
		if driver.KindOf(err) != driver.KindFatal || err.Error() != name+": the plugin or bucket has been closed (Closed)" {
			t.Errorf("got %v", err)
		}
	}
}

func TestMessageTooLarge(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{})
	_, err := bucket.Stat(t.Context(), driver.StatRequest{Key: strings.Repeat("k", 65<<20)})
	var failure *driver.Error
	if !errors.As(err, &failure) || failure.Code != "MessageTooLarge" || failure.Kind != driver.KindInvalidArgument {
		t.Errorf("got %.200v", err)
	}
	if _, err := bucket.Stat(t.Context(), driver.StatRequest{Key: strings.Repeat("k", 31<<20)}); err != nil {
		t.Errorf("31 MiB both ways: %.200v", err)
	}
}

// A driver that prints much neither blocks nor breaks the connection.
func TestPrintsDoNotBlock(t *testing.T) {
	t.Parallel()
	bucket := open(t, host.Options{CallTimeout: 20 * time.Second})
	for _, key := range []string{"print", "raw-print"} {
		if _, err := bucket.Stat(t.Context(), driver.StatRequest{Key: key}); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestTrafficIsCounted(t *testing.T) {
	t.Parallel()
	traffic := &host.Traffic{}
	bucket := open(t, host.Options{Traffic: traffic})
	sent, received := traffic.Sent.Load(), traffic.Received.Load()
	const size = 1 << 20
	if _, err := bucket.Stat(t.Context(), driver.StatRequest{Key: strings.Repeat("k", size)}); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int64{"sent": traffic.Sent.Load() - sent, "received": traffic.Received.Load() - received} {
		if n < size || n > size+size/10 {
			t.Errorf("%s %d bytes for a key of %d", name, n, size)
		}
	}
}
