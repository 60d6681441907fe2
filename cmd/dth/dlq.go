package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dth-dev/dth/core/job"
	"github.com/dth-dev/dth/core/queue/sqs"
	"github.com/dth-dev/dth/core/task"
)

// dlqFlags are the flags of every command about the dead-letter queue.
type dlqFlags struct {
	queueFlags
}

// with opens the queues of the fleet, uses them, and closes them.
func (f dlqFlags) with(ctx context.Context, p *process, use func(*sqs.Queue) error) error {
	in, err := p.input(locationFlags{})
	if err != nil {
		return err
	}
	settings, _, err := in.Settings()
	if err != nil {
		return err
	}
	return p.withQueues(ctx, settings, use)
}

// withQueues opens the queues that the settings name, uses them, and closes them.
func (p *process) withQueues(ctx context.Context, settings job.Settings, use func(*sqs.Queue) error) error {
	if err := settings.Fleet.CheckQueues(); err != nil {
		return err
	}
	opened, err := sqs.New(ctx, sqs.Config{
		Main: settings.Fleet.Queue, Priority: settings.Fleet.PriorityQueue, DeadLetter: settings.Fleet.DeadLetterQueue,
		Log: p.logger(settings.LogLevel),
	})
	if err != nil {
		return err
	}
	return errors.Join(use(opened), opened.Close())
}

// chosenFlags say which letters a command is about.
type chosenFlags struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Letters, as dth dlq list names them."`
	All bool     `help:"All letters."`
}

// chosen returns the IDs of the letters, nil for all.
func (f chosenFlags) chosen() ([]string, error) {
	switch {
	case f.All && len(f.IDs) > 0:
		return nil, &job.Error{What: "--all leaves no letter to name", Do: "write either IDs or --all", Usage: true}
	case !f.All && len(f.IDs) == 0:
		return nil, &job.Error{What: "no letter is named", Do: "write the IDs that dth dlq list shows, or --all", Usage: true}
	}
	return f.IDs, nil
}

// settled tells how many letters a command did something about, and what hindered it.
func (p *process) settled(n int, done string, err error) error {
	noun := "letters"
	if n == 1 {
		noun = "letter"
	}
	_, written := fmt.Fprintf(p.stdout, "%s %s %s\n", count(int64(n)), noun, done)
	if errors.Is(err, sqs.ErrNoLetter) {
		err = noLetter(err)
	}
	return errors.Join(err, written)
}

func noLetter(err error) error {
	return &job.Error{What: err.Error(), Do: "dth dlq list shows the letters", Usage: true}
}

// shownLetter is one letter of the dead-letter queue.
type shownLetter struct {
	ID     string    `json:"id"`
	Since  time.Time `json:"since"`
	Kind   string    `json:"kind"` // object, part, order or message, several where one letter holds more
	What   string    `json:"what"` // the first key or upload, and how many more
	Run    string    `json:"run,omitempty"`
	Reason string    `json:"reason"`
	// Moved says that SQS moved the message: no worker wrote why.
	Moved   bool         `json:"moved_by_sqs"`
	Objects []shownTask  `json:"objects,omitempty"`
	Parts   []shownPart  `json:"parts,omitempty"`
	Orders  []shownOrder `json:"orders,omitempty"`
	Message string       `json:"message,omitempty"`        // of a store, as it was received
	Binary  string       `json:"message_base64,omitempty"` // the same, where it is no text
}

// shownTask is what was to be done with one object, and what came of it.
type shownTask struct {
	Key       string `json:"key"`
	Asked     string `json:"asked"` // copy, delete or look
	Size      int64  `json:"size"`
	ETag      string `json:"etag,omitempty"`
	Version   string `json:"version,omitempty"`
	Sequencer string `json:"sequencer,omitempty"`
	Attempts  int    `json:"attempts"`
	Failure   string `json:"last_failure,omitempty"`
}

// shownPart is one part of a giant object.
type shownPart struct {
	Upload   string `json:"upload"`
	Number   int    `json:"number"`
	Attempts int    `json:"attempts"`
	Failure  string `json:"last_failure,omitempty"`
}

// shownOrder is what was to be done about a giant object as a whole.
type shownOrder struct {
	Upload   string `json:"upload"`
	Asked    string `json:"asked"`
	Attempts int    `json:"attempts"`
}

func showLetter(letter sqs.DeadLetter) shownLetter {
	shown := shownLetter{ID: letter.ID, Since: letter.At, Run: letter.Batch.Run, Reason: letter.Reason, Moved: letter.Raw}
	for _, t := range letter.Batch.Tasks {
		shown.Objects = append(shown.Objects, shownTask{
			Key: t.Key, Asked: asked(t.Action), Size: t.Size, ETag: t.ETag, Version: t.VersionID, Sequencer: t.Sequencer,
			Attempts: t.Attempt, Failure: t.Reason,
		})
	}
	for _, part := range letter.Batch.Parts {
		shown.Parts = append(shown.Parts, shownPart{Upload: part.Upload, Number: part.Number, Attempts: part.Attempt, Failure: part.Reason})
	}
	for _, order := range letter.Batch.Orders {
		shown.Orders = append(shown.Orders, shownOrder{Upload: order.Upload, Asked: string(order.Kind), Attempts: order.Attempt})
	}
	if utf8.Valid(letter.Foreign) {
		shown.Message = string(letter.Foreign)
	} else {
		shown.Binary = base64.StdEncoding.EncodeToString(letter.Foreign)
	}
	shown.Kind, shown.What = shown.about(letter.Foreign)
	return shown
}

// asked names what a task asks for.
func asked(action task.Action) string {
	switch action {
	case task.Delete:
		return "delete"
	case task.Look:
		return "look"
	}
	return "copy"
}

// about says in a few words what a letter is about.
func (l shownLetter) about(foreign []byte) (kind, what string) {
	first := ""
	n := max(len(l.Objects), len(l.Parts), len(l.Orders))
	switch n {
	case 0:
		return "message", bytesText(int64(len(foreign)))
	case len(l.Objects):
		kind, first = "object", printable(l.Objects[0].Key)
	case len(l.Parts):
		kind, first = "part", fmt.Sprintf("%d of %s", l.Parts[0].Number, printable(l.Parts[0].Upload))
	default:
		kind, first = "order", fmt.Sprintf("%s of %s", printable(l.Orders[0].Asked), printable(l.Orders[0].Upload))
	}
	if n == 1 {
		return kind, first
	}
	return kind + "s", fmt.Sprintf("%s and %s more", first, count(int64(n-1)))
}

// attempts returns how often what the letter is about was tried; 0 where nobody counted.
func (l shownLetter) attempts() int {
	most := 0
	for _, t := range l.Objects {
		most = max(most, t.Attempts)
	}
	for _, part := range l.Parts {
		most = max(most, part.Attempts)
	}
	for _, order := range l.Orders {
		most = max(most, order.Attempts)
	}
	return most
}
