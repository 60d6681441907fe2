package list

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/dth-dev/dth/sdk/driver"
)

const (
	runWindow  = 128 << 10 // bytes that a decoder remembers
	recordSize = 1 << 20   // bytes; no store has keys and ETags that come near it
)

// run is one sorted part of a listing on disk: a zstd stream of records, each after
// its length, then a zero and the number of records.
type run struct {
	file  *os.File
	named bool // whether the name is still the file's: another process may have a file of that name by now
}

// remove closes and removes the run.
func (r *run) remove() {
	_ = r.file.Close() // nothing in it is wanted any more
	if r.named {
		_ = os.Remove(r.file.Name())
	}
}

func damaged(how string) error {
	return &driver.Error{Op: "List", Kind: driver.KindFatal, Message: "a sorted run of the listing on disk is damaged: " + how + "; check the disk and run again"}
}

func onDisk(err error) error {
	return &driver.Error{Op: "List", Kind: driver.KindFatal, Message: fmt.Sprintf("cannot sort the listing on disk: %v; make room there, or name another directory in TMPDIR", err), Err: err}
}

// runWriter writes one run.
type runWriter struct {
	run     *run
	encoder *zstd.Encoder
	length  []byte
	records uint64
}

func createRun(directory string) (*runWriter, error) {
	file, err := os.CreateTemp(directory, "dth-listing-*")
	if err != nil {
		return nil, onDisk(err)
	}
	err = os.Remove(file.Name()) // where the system lets it: a killed process then leaves nothing
	w := &runWriter{run: &run{file: file, named: err != nil}}
	w.encoder, err = zstd.NewWriter(file, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(runWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		w.run.remove()
		return nil, onDisk(err)
	}
	return w, nil
}

func (w *runWriter) append(r record) error {
	w.records++
	w.length = binary.AppendUvarint(w.length[:0], uint64(len(r)))
	_, err := w.encoder.Write(w.length)
	if err == nil {
		_, err = w.encoder.Write(r)
	}
	if err != nil {
		return onDisk(err)
	}
	return nil
}

// finish ends the run, which it removes when that fails.
func (w *runWriter) finish() (*run, error) {
	_, err := w.encoder.Write(binary.AppendUvarint([]byte{0}, w.records))
	if err = errors.Join(err, w.encoder.Close()); err != nil {
		w.run.remove()
		return nil, onDisk(err)
	}
	return w.run, nil
}

// runCursor reads one run.
type runCursor struct {
	decoder *zstd.Decoder
	reader  *bufio.Reader
	record  record
	records uint64
}

// openRuns returns cursors of all runs; done ends them, after an error too.
func openRuns(runs []*run) (cursors []cursor, done func(), err error) {
	var decoders []*zstd.Decoder
	done = func() {
		for _, decoder := range decoders {
			decoder.Close()
		}
	}
	for _, run := range runs {
		if _, err := run.file.Seek(0, io.SeekStart); err != nil {
			return nil, done, onDisk(err)
		}
		decoder, err := zstd.NewReader(run.file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(runWindow))
		if err != nil {
			return nil, done, onDisk(err)
		}
		decoders = append(decoders, decoder)
		cursors = append(cursors, &runCursor{decoder: decoder, reader: bufio.NewReader(decoder)})
	}
	return cursors, done, nil
}

func (c *runCursor) next() (record, error) {
	length, err := binary.ReadUvarint(c.reader)
	if err != nil {
		return nil, damaged(err.Error())
	}
	if length == 0 {
		return nil, c.end()
	}
	if length > recordSize {
		return nil, damaged("a record in it is too long")
	}
	if uint64(cap(c.record)) < length {
		c.record = make(record, length)
	}
	c.record = c.record[:length]
	if _, err := io.ReadFull(c.reader, c.record); err != nil {
		return nil, damaged(err.Error())
	}
	c.records++
	return c.record, nil
}

// end reads what follows the last record.
func (c *runCursor) end() error {
	records, err := binary.ReadUvarint(c.reader)
	if err != nil {
		return damaged(err.Error())
	}
	if records != c.records {
		return damaged(fmt.Sprintf("it has %d records, %d were written", c.records, records))
	}
	if _, err := c.reader.ReadByte(); err != io.EOF {
		return damaged("something follows its end")
	}
	return nil
}
