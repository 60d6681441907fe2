package wire

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/dth-dev/dth/sdk/driver"
	"github.com/dth-dev/dth/sdk/internal/storagepb"
)

var (
	get     = driver.GetRequest{Key: "k\xff", VersionID: "v\xff", Now: moment}
	put     = driver.PutRequest{Key: "k", Size: 1 << 40, Attributes: attributes, Checksum: checksum, Now: moment}
	onePart = driver.PartRequest{Upload: driver.UploadRef{Key: "k", ID: "u\xff"}, Number: 10_000, Size: 5 << 20, Now: moment}
	reply   = &driver.Reply{
		Accept: []int{200, 206}, MetadataPrefix: "x-amz-meta-", RequestID: []string{"x-amz-request-id"}, Overridden: "x-forced",
		RequestIDAlways: true, StoredEncoding: "x-stored", NotCarried: []string{"x-redirect"},
		Capture: []driver.Capture{{Field: driver.FieldChecksum, Source: driver.SourceXML, Name: "N", Algorithm: driver.AlgorithmMD5, Encoding: driver.EncodingHex}},
		Error:   driver.ErrorReply{Source: driver.SourceJSON, Code: "C", Message: "M", Rules: []driver.ErrorRule{{Status: 404, Code: "x", Message: "m", Kind: driver.KindNotFound}}},
	}
	exchange = driver.Exchange{
		Method: "PUT", URL: "https://h/k%FF?\xff", Header: []driver.Header{{Name: "A", Value: "\xff"}, {Name: "B"}},
		Body:    driver.Framing{Kind: driver.FramingTrailer, Prefix: []byte("p"), Suffix: []byte("s\xff"), TrailerName: "t", TrailerChecksum: driver.AlgorithmCRC32C, ChunkSize: 65536},
		Dial:    driver.Dial{Network: "unix", Address: "/socket"},
		Expires: moment, Reply: reply,
	}
)

// marshal encodes with the codec.
func marshal(tb testing.TB, message any) []byte {
	tb.Helper()
	encoded, err := Codec{}.Marshal(message)
	if err != nil {
		tb.Fatal(err)
	}
	defer encoded.Free()
	return encoded.Materialize()
}

// unmarshal decodes with the codec, from two pieces.
func unmarshal(data []byte, message any) error {
	half := len(data) / 2
	return Codec{}.Unmarshal(mem.BufferSlice{mem.SliceBuffer(data[:half]), mem.SliceBuffer(data[half:])}, message)
}

// The bytes are those of the generated code, both ways.
func TestBatchIsTheGeneratedMessage(t *testing.T) {
	t.Parallel()
	generated := &storagepb.SignRequest{Handle: 1 << 63, Batch: 7, Now: FromTime(moment), Items: []*storagepb.SignItem{
		{Request: &storagepb.SignItem_Get{Get: &storagepb.SignGet{Key: []byte(get.Key), VersionId: []byte(get.VersionID)}}},
		{Request: &storagepb.SignItem_Put{Put: &storagepb.SignPut{Key: []byte(put.Key), Size: put.Size, Attributes: FromAttributes(attributes), Checksum: FromChecksum(checksum)}}},
		{Request: &storagepb.SignItem_Part{Part: &storagepb.SignPart{Key: []byte("k"), UploadId: []byte("u\xff"), Number: 10_000, Size: 5 << 20}}},
		{},
	}}
	ours := &SignBatch{Handle: 1 << 63, Batch: 7, Now: FromTime(moment), Items: []Item{GetItem(get), PutItem(put), PartItem(onePart)}}
	got := &storagepb.SignRequest{}
	if err := proto.Unmarshal(marshal(t, ours), got); err != nil {
		t.Fatal(err)
	}
	want := proto.CloneOf(generated)
	want.Items = want.Items[:3]
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("encoded: %s", diff)
	}
	encoded, err := proto.Marshal(generated)
	if err != nil {
		t.Fatal(err)
	}
	decoded := &SignBatch{}
	if err := unmarshal(encoded, decoded); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{get, put, onePart, nil}, decoded.Requests); diff != "" {
		t.Errorf("decoded: %s", diff)
	}
	if decoded.Handle != 1<<63 || decoded.Batch != 7 {
		t.Errorf("decoded handle %d, batch %d", decoded.Handle, decoded.Batch)
	}
}

func TestAnswerIsTheGeneratedMessage(t *testing.T) {
	t.Parallel()
	failure := &driver.Error{Op: "SignGet", Key: "k", Kind: driver.KindNotFound, RetryAfter: time.Second}
	sent := &SignAnswer{Batch: 7, Outcomes: []Signed{{Exchange: exchange}, {Err: failure}, {Exchange: driver.Exchange{Method: "GET"}}}}
	new(ReplyWriter).Prepare(sent)
	encoded := marshal(t, sent)
	got := &storagepb.SignResponse{}
	if err := proto.Unmarshal(encoded, got); err != nil {
		t.Fatal(err)
	}
	if got.GetBatch() != 7 || len(got.GetItems()) != 3 || len(got.GetReplies()) != 1 || string(got.GetItems()[0].GetExchange().GetUrl()) != exchange.URL {
		t.Errorf("the generated code reads %v", got)
	}
	again, err := proto.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"ours": encoded, "generated": again, "with an unknown field": append(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 5), encoded...)} {
		received := &SignAnswer{}
		if err := unmarshal(data, received); err != nil {
			t.Fatal(err)
		}
		new(ReplyReader).Resolve(received)
		if diff := cmp.Diff(sent.Outcomes, received.Outcomes); diff != "" || received.Batch != 7 {
			t.Errorf("%s: batch %d, %s", name, received.Batch, diff)
		}
	}
}

// carry sends outcomes through a stream's two ends.
func carry(tb testing.TB, writer *ReplyWriter, reader *ReplyReader, outcomes ...Signed) (*SignAnswer, int) {
	tb.Helper()
	sent := &SignAnswer{Outcomes: outcomes}
	writer.Prepare(sent)
	received := &SignAnswer{}
	if err := unmarshal(marshal(tb, sent), received); err != nil {
		tb.Fatal(err)
	}
	announced := len(received.replies)
	reader.Resolve(received)
	return received, announced
}

func TestRepliesCrossOnce(t *testing.T) {
	t.Parallel()
	var writer ReplyWriter
	var reader ReplyReader
	first, announced := carry(t, &writer, &reader, Signed{Exchange: driver.Exchange{Reply: reply}}, Signed{Exchange: driver.Exchange{Reply: reply}})
	second, again := carry(t, &writer, &reader, Signed{Exchange: driver.Exchange{Reply: reply}})
	if announced != 1 || again != 0 {
		t.Errorf("announced %d, then %d", announced, again)
	}
	if a, b := first.Outcomes[1].Exchange.Reply, second.Outcomes[0].Exchange.Reply; a == nil || a != b {
		t.Errorf("replies %p and %p: want one", a, b)
	}
	if diff := cmp.Diff(reply, second.Outcomes[0].Exchange.Reply); diff != "" {
		t.Error(diff)
	}
}

// A driver that makes a new reply for each exchange costs time, not memory.
func TestRepliesAreBounded(t *testing.T) {
	t.Parallel()
	var writer ReplyWriter
	var reader ReplyReader
	for i := range 10 * maxReplies {
		name := fmt.Sprint(i)
		answer, _ := carry(t, &writer, &reader, Signed{Exchange: driver.Exchange{Reply: &driver.Reply{MetadataPrefix: name}}})
		if got := answer.Outcomes[0].Exchange.Reply; got == nil || got.MetadataPrefix != name {
			t.Fatalf("reply %s arrived as %v", name, got)
		}
	}
	if len(writer.numbers) > maxReplies || len(reader.replies) > 2*maxReplies {
		t.Errorf("%d and %d replies are remembered", len(writer.numbers), len(reader.replies))
	}
}

func TestUnknownReplyIsAnError(t *testing.T) {
	t.Parallel()
	answer := &SignAnswer{Outcomes: make([]Signed, 1), numbers: []uint32{5}}
	new(ReplyReader).Resolve(answer)
	if driver.KindOf(answer.Outcomes[0].Err) != driver.KindFatal {
		t.Errorf("got %v", answer.Outcomes[0].Err)
	}
}

func TestDamagedMessages(t *testing.T) {
	t.Parallel()
	sent := &SignAnswer{Outcomes: []Signed{{Exchange: exchange}}}
	new(ReplyWriter).Prepare(sent)
	for name, message := range map[string]struct {
		data  []byte
		empty func() any
	}{
		"answer": {marshal(t, sent), func() any { return &SignAnswer{} }},
		"batch":  {marshal(t, &SignBatch{Items: []Item{PutItem(put)}}), func() any { return &SignBatch{} }},
	} {
		if err := unmarshal(message.data[:len(message.data)-1], message.empty()); !errors.Is(err, errTruncated) {
			t.Errorf("%s without its last byte: %v", name, err)
		}
	}
}

// Bytes that protobuf takes for a message are one here too, and the other way round.
func FuzzBatch(f *testing.F) {
	f.Add(marshal(f, &SignBatch{Handle: 1, Batch: 2, Now: 3, Items: []Item{GetItem(get), PutItem(put), PartItem(onePart)}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		ours := &SignBatch{}
		if err := unmarshal(data, ours); err != nil {
			return
		}
		generated := &storagepb.SignRequest{}
		if err := proto.Unmarshal(data, generated); err != nil {
			return // it also refuses groups' ends and the like inside what is skipped here
		}
		if ours.Batch != generated.GetBatch() || ours.Handle != generated.GetHandle() || len(ours.Requests) != len(generated.GetItems()) {
			t.Errorf("read %v, protobuf reads %v", ours, generated)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	sent := &SignAnswer{Batch: 7, Outcomes: []Signed{{Exchange: exchange}, {Err: errors.New("x")}}}
	new(ReplyWriter).Prepare(sent)
	f.Add(marshal(f, sent))
	f.Fuzz(func(t *testing.T, data []byte) {
		ours := &SignAnswer{}
		if err := unmarshal(data, ours); err != nil {
			return
		}
		new(ReplyReader).Resolve(ours)
		generated := &storagepb.SignResponse{}
		if err := proto.Unmarshal(data, generated); err != nil {
			return
		}
		if ours.Batch != generated.GetBatch() || len(ours.Outcomes) != len(generated.GetItems()) {
			t.Errorf("read %v, protobuf reads %v", ours, generated)
		}
	})
}

func FuzzListPage(f *testing.F) {
	encoded, err := proto.Marshal(FromListPage(driver.ListPage{Objects: []driver.Object{object, {Key: "b"}}, Next: "n"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded)
	f.Fuzz(func(t *testing.T, data []byte) {
		response := &storagepb.ListResponse{}
		if proto.Unmarshal(data, response) != nil {
			return
		}
		page, err := ToListPage(response)
		if err != nil {
			return
		}
		again, err := ToListPage(FromListPage(page))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(page, again); diff != "" {
			t.Error(diff)
		}
	})
}
