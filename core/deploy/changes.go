package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Change is what would become of one resource.
type Change struct {
	Action      string // Add, Modify, Remove …
	Resource    string // its name in the template
	Type        string
	Replacement string // True, False or Conditional; empty for what is new or goes
}

// Proposal is a change set that waits to be carried out, or to be withdrawn.
type Proposal struct {
	Stack   string // id
	Creates bool   // there was no stack before
	Changes []Change

	id    string
	made  bool // there was not even an empty stack
	tried bool // to carry it out, with an outcome that is not known
}

// ChangeSetInput is the request for a change set, in the words of the AWS command line:
// aws cloudformation create-change-set --cli-input-json.
type ChangeSetInput struct {
	StackName     string
	ChangeSetName string
	ChangeSetType string
	TemplateURL   string
	Capabilities  []string
	Parameters    []Parameter
}

// Input returns the request for the change set of a plan. It asks for nothing.
func (c *Cloud) Input(ctx context.Context, plan *Plan, kind string) (ChangeSetInput, error) {
	url, err := c.templateURL(ctx, plan)
	return ChangeSetInput{
		StackName: plan.Stack, ChangeSetName: "dth-deploy", ChangeSetType: kind, TemplateURL: url,
		Capabilities: []string{string(types.CapabilityCapabilityIam)}, Parameters: plan.Parameters,
	}, err
}

// find returns a stack, and whether there is one.
func (c *Cloud) find(ctx context.Context, name string) (types.Stack, bool, error) {
	described, err := c.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	switch {
	case code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist"):
		return types.Stack{}, false, nil
	case err != nil:
		return types.Stack{}, false, fmt.Errorf("look at stack %s: %w", name, err)
	case len(described.Stacks) != 1:
		return types.Stack{}, false, fmt.Errorf("look at stack %s: there are %d of that name", name, len(described.Stacks))
	}
	return described.Stacks[0], described.Stacks[0].StackStatus != types.StackStatusDeleteComplete, nil
}

// Propose has CloudFormation work out what would change. The template must be uploaded. It
// returns nil where nothing would.
func (c *Cloud) Propose(ctx context.Context, plan *Plan) (*Proposal, error) {
	stack, exists, err := c.find(ctx, plan.Stack)
	if err != nil {
		return nil, err
	}
	proposal := &Proposal{Creates: !exists || stack.StackStatus == types.StackStatusReviewInProgress, made: !exists}
	kind := types.ChangeSetTypeUpdate
	if proposal.Creates {
		kind = types.ChangeSetTypeCreate
	}
	input, err := c.Input(ctx, plan, string(kind))
	if err != nil {
		return nil, err
	}
	var parameters []types.Parameter
	for _, parameter := range input.Parameters {
		parameters = append(parameters, types.Parameter{ParameterKey: aws.String(parameter.Name), ParameterValue: aws.String(parameter.Value)})
	}
	created, err := c.stacks.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &input.StackName, ChangeSetName: aws.String("dth-" + time.Now().UTC().Format("20060102-150405")), ChangeSetType: kind, TemplateURL: &input.TemplateURL,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam}, Parameters: parameters,
	})
	if err != nil {
		err = fmt.Errorf("ask what would change in stack %s: %w", plan.Stack, err)
		if code(err) == "" && proposal.made { // the answer was lost, and the stack may be there
			_, failure := c.removeEmpty(context.WithoutCancel(ctx), plan.Stack)
			err = errors.Join(err, failure)
		}
		return nil, err
	}
	proposal.Stack, proposal.id = aws.ToString(created.StackId), aws.ToString(created.Id)
	same, err := c.await(ctx, proposal)
	if err == nil && !same {
		return proposal, nil
	}
	return nil, errors.Join(err, c.Withdraw(context.WithoutCancel(ctx), proposal))
}

// await waits until a change set is worked out and reads it. It says whether nothing would change.
func (c *Cloud) await(ctx context.Context, proposal *Proposal) (same bool, err error) {
	for {
		page := &cloudformation.DescribeChangeSetInput{ChangeSetName: &proposal.id, StackName: &proposal.Stack}
		described, err := c.stacks.DescribeChangeSet(ctx, page)
		if err != nil {
			return false, fmt.Errorf("read what would change: %w", err)
		}
		reason := aws.ToString(described.StatusReason)
		switch described.Status {
		case types.ChangeSetStatusCreateComplete:
			return false, c.read(ctx, proposal, page, described)
		case types.ChangeSetStatusFailed:
			if strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed") {
				return true, nil
			}
			return false, fmt.Errorf("CloudFormation cannot work out what would change: %s", reason)
		}
		if err := wait(ctx); err != nil {
			return false, err
		}
	}
}

// read reads every change of a set, whose first page is there.
func (c *Cloud) read(ctx context.Context, into *Proposal, input *cloudformation.DescribeChangeSetInput, page *cloudformation.DescribeChangeSetOutput) error {
	for {
		for _, change := range page.Changes {
			if r := change.ResourceChange; r != nil {
				into.Changes = append(into.Changes, Change{string(r.Action), aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), string(r.Replacement)})
			}
		}
		if aws.ToString(page.NextToken) == "" {
			return nil
		}
		var err error
		input.NextToken = page.NextToken
		if page, err = c.stacks.DescribeChangeSet(ctx, input); err != nil {
			return fmt.Errorf("read what would change: %w", err)
		}
	}
}

// Withdraw takes a proposal back, and the empty stack that CloudFormation made for it. That
// goes even where the change set does not, as while it is being worked out.
func (c *Cloud) Withdraw(ctx context.Context, proposal *Proposal) error {
	_, err := c.stacks.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &proposal.id, StackName: &proposal.Stack})
	if err != nil {
		err = fmt.Errorf("remove the change set: %w", err)
	}
	if !proposal.made || err != nil && proposal.tried { // which may be carried out after all
		return err
	}
	gone, failure := c.removeEmpty(ctx, proposal.Stack)
	if gone { // and the change set with it
		return nil
	}
	return errors.Join(err, failure)
}

// removeEmpty removes a stack that holds nothing yet, and says whether it is gone.
func (c *Cloud) removeEmpty(ctx context.Context, name string) (gone bool, err error) {
	stack, exists, err := c.find(ctx, name)
	if err != nil || !exists || stack.StackStatus != types.StackStatusReviewInProgress { // somebody else brought it to life
		return err == nil && !exists, err
	}
	if _, err := c.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return false, fmt.Errorf("remove the stack that holds no resource yet: %w", err)
	}
	return true, nil
}

// LeftError is work on a stack that was begun, and that goes on without being watched.
type LeftError struct{ Err error }

func (e *LeftError) Error() string { return e.Err.Error() }

func (e *LeftError) Unwrap() error { return e.Err }

// Carry carries a proposal out and follows it to its end. One that does not begin is
// withdrawn; where it began, the error is a *FailedError or a *LeftError.
func (c *Cloud) Carry(ctx context.Context, proposal *Proposal, tell func(Event)) error {
	follower, err := c.follow(ctx, proposal.Stack)
	if err != nil {
		return errors.Join(err, c.Withdraw(context.WithoutCancel(ctx), proposal))
	}
	proposal.tried = true
	_, err = c.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &proposal.id, StackName: &proposal.Stack})
	if err != nil {
		return errors.Join(fmt.Errorf("carry the changes out: %w", err), c.Withdraw(context.WithoutCancel(ctx), proposal))
	}
	return follower.run(ctx, tell)
}
