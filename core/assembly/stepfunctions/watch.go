// Package stepfunctions watches giant objects by a state machine of AWS Step
// Functions, infra/cloudformation/giant.asl.json.
package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/dth-dev/dth/core/assembly"
)

// API is what a Watch needs of *sfn.Client.
type API interface {
	StartExecution(ctx context.Context, in *sfn.StartExecutionInput, options ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
	SendTaskSuccess(ctx context.Context, in *sfn.SendTaskSuccessInput, options ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
	SendTaskFailure(ctx context.Context, in *sfn.SendTaskFailureInput, options ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error)
	SendTaskHeartbeat(ctx context.Context, in *sfn.SendTaskHeartbeatInput, options ...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error)
}

// DefaultWait is the time between two looks at a giant object.
const DefaultWait = time.Minute

// The names of failures, as people see them in the history of an execution.
const (
	errorTransient = "DTH.Transient"
	errorFinal     = "DTH.Refused"
)

// longestCause is what SendTaskFailure takes, in characters
// (https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html).
const longestCause = 32_768

// Watch implements assembly.Watch. Its methods may be called by many goroutines at once.
type Watch struct {
	api     API
	machine string
	wait    time.Duration
}

var _ assembly.Watch = (*Watch)(nil)

// New returns the watch by the state machine with this ARN, which looks at an object
// every wait, rounded to seconds, DefaultWait where that is 0.
func New(api API, machine string, wait time.Duration) *Watch {
	if wait == 0 {
		wait = DefaultWait
	}
	return &Watch{api: api, machine: machine, wait: max(wait.Round(time.Second), time.Second)}
}

// input is what an execution begins with.
type input struct {
	Upload string `json:"uploadId"`
	Wait   int    `json:"waitSeconds"`
	RollAt int    `json:"rollAt"`
}

// Start begins watching by an execution whose name says ID and generation: the service
// has no two of one name, for 90 days after the first ended
// (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
func (w *Watch) Start(ctx context.Context, id string, generation, rollAt int) error {
	text, err := json.Marshal(input{Upload: id, Wait: int(w.wait / time.Second), RollAt: rollAt})
	if err != nil {
		return fmt.Errorf("watch %s: %w", id, err)
	}
	name, body := fmt.Sprintf("%s-%d", id, generation), string(text)
	_, err = w.api.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &w.machine, Name: &name, Input: &body})
	var exists *types.ExecutionAlreadyExists
	if err == nil || errors.As(err, &exists) {
		return nil
	}
	return fmt.Errorf("start execution %s of %s: %w", name, w.machine, err)
}

// Succeed answers the order that carried the token.
func (w *Watch) Succeed(ctx context.Context, token string) error {
	output := "{}"
	_, err := w.api.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: &output})
	return answered("task success", err)
}

// Refuse answers it with a failure.
func (w *Watch) Refuse(ctx context.Context, token string, transient bool, reason string) error {
	name := errorFinal
	if transient {
		name = errorTransient
	}
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	if utf8.RuneCountInString(reason) > longestCause {
		reason = string([]rune(reason)[:longestCause])
	}
	_, err := w.api.SendTaskFailure(ctx, &sfn.SendTaskFailureInput{TaskToken: &token, Error: &name, Cause: &reason})
	return answered("task failure", err)
}

// Beat says that the order is still being worked on.
func (w *Watch) Beat(ctx context.Context, token string) error {
	_, err := w.api.SendTaskHeartbeat(ctx, &sfn.SendTaskHeartbeatInput{TaskToken: &token})
	return answered("task heartbeat", err)
}

// answered turns the errors of a token that nobody waits for any more into ErrNotFound.
func answered(what string, err error) error {
	var timedOut *types.TaskTimedOut
	var unknown *types.TaskDoesNotExist
	var invalid *types.InvalidToken
	switch {
	case err == nil:
		return nil
	case errors.As(err, &timedOut), errors.As(err, &unknown), errors.As(err, &invalid):
		return fmt.Errorf("%s: %w: %w", what, assembly.ErrNotFound, err)
	}
	return fmt.Errorf("send %s: %w", what, err)
}
