package stepfunctions

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"github.com/dth-dev/dth/core/assembly"
)

// service answers every call with one error, and remembers what it was asked.
type service struct {
	failure error
	asked   []string
}

func (s *service) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	s.asked = append(s.asked, "start", *in.StateMachineArn, *in.Name, *in.Input)
	return &sfn.StartExecutionOutput{}, s.failure
}

func (s *service) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	s.asked = append(s.asked, "success", *in.TaskToken, *in.Output)
	return &sfn.SendTaskSuccessOutput{}, s.failure
}

func (s *service) SendTaskFailure(_ context.Context, in *sfn.SendTaskFailureInput, _ ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error) {
	s.asked = append(s.asked, "failure", *in.TaskToken, *in.Error, *in.Cause)
	return &sfn.SendTaskFailureOutput{}, s.failure
}

func (s *service) SendTaskHeartbeat(_ context.Context, in *sfn.SendTaskHeartbeatInput, _ ...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error) {
	s.asked = append(s.asked, "heartbeat", *in.TaskToken)
	return &sfn.SendTaskHeartbeatOutput{}, s.failure
}

func TestWhatTheServiceIsAsked(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), &service{}
	w := New(s, "arn", 0)
	for _, err := range []error{
		w.Start(ctx, "id", 2, 3000), w.Succeed(ctx, "t1"), w.Refuse(ctx, "t2", true, "why\xff"), w.Refuse(ctx, "t3", false, ""), w.Beat(ctx, "t4"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"start", "arn", "id-2", `{"uploadId":"id","waitSeconds":60,"rollAt":3000}`,
		"success", "t1", "{}", "failure", "t2", "DTH.Transient", "why\uFFFD", "failure", "t3", "DTH.Refused", "", "heartbeat", "t4",
	}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestReasonsAreCutToWhatTheServiceTakes(t *testing.T) {
	t.Parallel()
	s := &service{}
	if err := New(s, "arn", time.Minute).Refuse(t.Context(), "token", true, strings.Repeat("é", longestCause+5)); err != nil {
		t.Fatal(err)
	}
	if got := s.asked[3]; got != strings.Repeat("é", longestCause) {
		t.Errorf("the cause has %d bytes", len(got))
	}
}

func TestAnswersOfTheService(t *testing.T) {
	t.Parallel()
	other := errors.New("throttled")
	for name, test := range map[string]struct {
		failure           error
		start, unanswered error // nil for none
	}{
		"a name that is taken":   {&types.ExecutionAlreadyExists{}, nil, &types.ExecutionAlreadyExists{}},
		"a token that timed out": {&types.TaskTimedOut{}, &types.TaskTimedOut{}, assembly.ErrNotFound},
		"an unknown token":       {&types.TaskDoesNotExist{}, &types.TaskDoesNotExist{}, assembly.ErrNotFound},
		"no token":               {&types.InvalidToken{}, &types.InvalidToken{}, assembly.ErrNotFound},
		"anything else":          {other, other, other},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, w := t.Context(), New(&service{failure: test.failure}, "arn", time.Minute)
			if err := w.Start(ctx, "id", 1, 1500); (err == nil) != (test.start == nil) || errors.Is(err, assembly.ErrNotFound) {
				t.Errorf("Start returned %v, want %v", err, test.start)
			}
			for what, err := range map[string]error{"Succeed": w.Succeed(ctx, "t"), "Refuse": w.Refuse(ctx, "t", true, ""), "Beat": w.Beat(ctx, "t")} {
				if err == nil || errors.Is(err, assembly.ErrNotFound) != errors.Is(test.unanswered, assembly.ErrNotFound) {
					t.Errorf("%s returned %v, want %v", what, err, test.unanswered)
				}
			}
		})
	}
}
