package task

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"

	"github.com/dth-dev/dth/core/internal/pack"
)

// ErrMalformed says that a message does not hold an encoded batch.
var ErrMalformed = errors.New("not a task batch")

const (
	// format is the first byte of every encoded batch. Another layout takes
	// another number; numbers are never reused.
	format = 3

	// maxPacked bounds the bytes of a batch before compression, so that a few
	// hostile bytes cannot demand much memory. 1,000 tasks with keys of 1,024
	// bytes take about a quarter of it.
	maxPacked = 4 << 20

	// maxTasks bounds the number of tasks in a batch for the same reason: a task
	// takes more memory than its seven bytes at the least.
	maxTasks = 10_000

	// pairFrame begins the pair of a batch: a frame before that of the batch, of a kind
	// that zstd decoders skip. So versions that know of no pairs read the rest.
	pairFrame = 0x184D2A5D

	// maxPair bounds the bytes of a pair.
	maxPair = 64
)

// Codec encodes batches for a queue: packed values, compressed with zstd.
// Its methods may be called by many goroutines at once.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec returns a codec. It holds reusable buffers, so make one and share it.
func NewCodec() (*Codec, error) {
	// The window need not exceed a usual batch; a small one keeps the encoder's
	// tables small. The next level costs twice the time and saves 7 % of the bytes.
	// One goroutine encodes and one decodes at a time.
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(64<<10),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("task codec: %w", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPacked), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("task codec: %w", err)
	}
	return &Codec{encoder: encoder, decoder: decoder}, nil
}

// Encode returns batch as one message. It fails only for a batch that is too large to be
// one: more than 10,000 tasks, 4 MiB before compression, or a pair of more than 64 bytes.
func (c *Codec) Encode(batch Batch) ([]byte, error) {
	if max(len(batch.Tasks), len(batch.Parts), len(batch.Orders)) > maxTasks {
		return nil, fmt.Errorf("a batch of %d tasks is more than one message may hold, %d: make smaller batches", len(batch.Tasks), maxTasks)
	}
	packed := appendBatch(make([]byte, 0, 128*(1+len(batch.Tasks))), batch)
	if len(packed) > maxPacked {
		return nil, fmt.Errorf("a batch of %d tasks takes %d bytes, more than the %d of one message: make smaller batches",
			len(batch.Tasks), len(packed), maxPacked)
	}
	if len(batch.Pair) > maxPair {
		return nil, fmt.Errorf("a pair of %d bytes is more than the %d of one message", len(batch.Pair), maxPair)
	}
	return c.encoder.EncodeAll(packed, appendPair([]byte{format}, batch.Pair)), nil
}

// Decode returns the batch that Encode made a message of. Whatever the message holds, it
// neither panics nor takes more memory than the largest batch; what is no batch is
// ErrMalformed.
func (c *Codec) Decode(message []byte) (Batch, error) {
	if len(message) == 0 || message[0] != format {
		return Batch{}, fmt.Errorf("%w: it does not begin with format %d, so this version cannot read it", ErrMalformed, format)
	}
	pair, frames, err := cutPair(message[1:])
	if err != nil {
		return Batch{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	packed, err := c.decoder.DecodeAll(frames, nil)
	if err != nil {
		return Batch{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	batch, err := readBatch(string(packed))
	if err != nil {
		return Batch{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	batch.Pair = pair
	return batch, nil
}

func appendPair(b []byte, pair string) []byte {
	if pair == "" {
		return b
	}
	b = binary.LittleEndian.AppendUint32(b, pairFrame)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(pair)))
	return append(b, pair...)
}

// cutPair returns the pair at the beginning of the frames, if any, and those behind it.
func cutPair(frames []byte) (pair string, rest []byte, err error) {
	if len(frames) < 8 || binary.LittleEndian.Uint32(frames) != pairFrame {
		return "", frames, nil
	}
	size, rest := binary.LittleEndian.Uint32(frames[4:]), frames[8:]
	if size > maxPair || int(size) > len(rest) {
		return "", nil, pack.ErrMalformed
	}
	return string(rest[:size]), rest[size:], nil
}

func appendBatch(b []byte, batch Batch) []byte {
	b = pack.AppendString(b, batch.Run)
	b = pack.AppendUint(b, uint64(len(batch.Tasks)))
	for _, task := range batch.Tasks {
		b = appendTask(b, task)
	}
	b = pack.AppendUint(b, uint64(len(batch.Parts)))
	for _, part := range batch.Parts {
		b = pack.AppendString(b, part.Upload)
		b = pack.AppendUint(b, uint64(part.Number))
		b = pack.AppendUint(b, uint64(part.Attempt))
		b = pack.AppendString(b, part.Reason)
	}
	b = pack.AppendUint(b, uint64(len(batch.Orders)))
	for _, order := range batch.Orders {
		b = pack.AppendString(b, string(order.Kind))
		b = pack.AppendString(b, order.Upload)
		b = pack.AppendString(b, order.Token)
		b = pack.AppendUint(b, uint64(order.RollAt))
		b = pack.AppendUint(b, uint64(order.Attempt))
	}
	return b
}

func appendTask(b []byte, task Task) []byte {
	b = pack.AppendString(b, task.Key)
	b = pack.AppendInt(b, task.Size)
	b = pack.AppendString(b, task.ETag)
	b = pack.AppendString(b, task.VersionID)
	b = pack.AppendTime(b, task.Modified)
	b = pack.AppendString(b, task.StorageClass)
	b = pack.AppendUint(b, uint64(task.Action))
	b = pack.AppendString(b, task.Sequencer)
	b = pack.AppendUint(b, uint64(task.Attempt))
	return pack.AppendString(b, task.Reason)
}

func readBatch(packed string) (Batch, error) {
	r := pack.NewReader(packed)
	batch := Batch{Run: r.Text()}
	batch.Tasks = readList(&r, readTask)
	batch.Parts = readList(&r, func(r *pack.Reader) Part {
		return Part{Upload: r.Text(), Number: readCount(r), Attempt: readCount(r), Reason: r.Text()}
	})
	batch.Orders = readList(&r, func(r *pack.Reader) Order {
		return Order{Kind: OrderKind(r.Text()), Upload: r.Text(), Token: r.Text(), RollAt: readCount(r), Attempt: readCount(r)}
	})
	if r.Err() == nil && r.Len() > 0 {
		return Batch{}, pack.ErrMalformed
	}
	return batch, r.Err()
}

// readList reads a number of values and then so many of them.
func readList[T any](r *pack.Reader, read func(*pack.Reader) T) []T {
	count := r.Uint()
	if count == 0 || r.Err() != nil {
		return nil
	}
	if count > maxTasks {
		r.Fail()
		return nil
	}
	list := make([]T, count)
	for i := range list {
		list[i] = read(r)
	}
	return list
}

// readCount reads a number that fits 32 bits, as those of parts and attempts do.
func readCount(r *pack.Reader) int {
	n := r.Uint()
	if n > math.MaxInt32 {
		r.Fail()
		return 0
	}
	return int(n)
}

func readAction(r *pack.Reader) Action {
	n := r.Uint()
	if n > uint64(Look) {
		r.Fail()
		return Copy
	}
	return Action(n)
}

func readTask(r *pack.Reader) Task {
	return Task{
		Key:          r.Text(),
		Size:         r.Int(),
		ETag:         r.Text(),
		VersionID:    r.Text(),
		Modified:     r.Time(),
		StorageClass: r.Text(),
		Action:       readAction(r),
		Sequencer:    r.Text(),
		Attempt:      readCount(r),
		Reason:       r.Text(),
	}
}
