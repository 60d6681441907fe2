package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// Delete deletes a stack of dth and follows it to its end. Buckets stay as they are. Any
// other stack is left alone, with an error.
func (c *Cloud) Delete(ctx context.Context, status Status, tell func(Event)) error {
	stack, exists, err := c.find(ctx, status.ID) // which may be another than when it was shown
	if err != nil || !exists {
		return err
	}
	if err := ours(status.Stack, string(stack.StackStatus), parametersOf(stack)); err != nil {
		return err
	}
	follower, err := c.follow(ctx, status.ID)
	if err != nil {
		return err
	}
	if _, err := c.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &status.ID}); err != nil {
		return fmt.Errorf("delete stack %s: %w", status.Stack, err)
	}
	return follower.run(ctx, tell)
}

// Remains lists what a stack leaves behind when it is deleted, as far as it is known.
func (s Status) Remains() []string {
	var remains []string
	for _, side := range []struct{ name, bucket string }{{"source", s.Parameters["srcBucket"]}, {"destination", s.Parameters["destBucket"]}} {
		if side.bucket != "" {
			remains = append(remains, fmt.Sprintf("the %s, bucket %s, with all its objects", side.name, side.bucket))
		}
	}
	if bucket := s.Parameters["assetBucket"]; bucket != "" { // no command: what is below the prefix may be more than ours
		remains = append(remains, fmt.Sprintf("the programs in bucket %s, prefix %q, which other stacks may use", bucket, s.Parameters["assetPrefix"]))
	}
	for _, name := range []string{s.Parameters["srcCredentials"], s.Parameters["destCredentials"]} {
		if name != "" && !strings.Contains(strings.Join(remains, "\n"), "secret "+name+" ") {
			remains = append(remains, fmt.Sprintf("secret %s in %s", name, s.Region))
		}
	}
	return append(remains, "the key of the alarms, for 7 days, as AWS KMS has it")
}
