package deploy

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/dth-dev/dth/core/job"
)

// parametersOf returns the parameters of a stack by their names.
func parametersOf(stack types.Stack) map[string]string {
	values := map[string]string{}
	for _, parameter := range stack.Parameters {
		values[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	return values
}

// ours is an error where a stack is somebody else's. Every template of dth takes both marks;
// a stack in review holds neither parameters nor resources yet.
func ours(name, state string, parameters map[string]string) error {
	_, programs := parameters["assetSha256"]
	_, source := parameters["srcBucket"]
	if programs && source || state == string(types.StackStatusReviewInProgress) {
		return nil
	}
	return &job.Error{What: fmt.Sprintf("stack %s is not one of dth", name), Do: "give another name"}
}

// Ours is an error where the stack is not one of dth, and so not to be touched.
func (s Status) Ours() error { return ours(s.Stack, s.State, s.Parameters) }
