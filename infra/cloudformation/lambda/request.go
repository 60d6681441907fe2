package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// request is what CloudFormation asks of a custom resource.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
type request struct {
	RequestType           string // Create, Update or Delete
	ResponseURL           string
	StackID               string `json:"StackId"`
	RequestID             string `json:"RequestId"`
	LogicalResourceID     string `json:"LogicalResourceId"`
	PhysicalResourceID    string `json:"PhysicalResourceId"`
	ResourceProperties    notification
	OldResourceProperties notification
}

// response is what CloudFormation wants to hear.
type response struct {
	Status             string // SUCCESS or FAILED
	Reason             string `json:",omitempty"`
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
}

// answer tells CloudFormation how it went, so that a stack never waits for its deadline.
// A failure is CloudFormation's to know: the function itself has then done its work.
func (f *function) answer(ctx context.Context, asked request, failure error) error {
	told := response{
		Status: "SUCCESS", PhysicalResourceID: asked.ResourceProperties.name(),
		StackID: asked.StackID, RequestID: asked.RequestID, LogicalResourceID: asked.LogicalResourceID,
	}
	if asked.RequestType == "Delete" {
		told.PhysicalResourceID = asked.PhysicalResourceID // another one is refused
	}
	if failure != nil {
		told.Status, told.Reason = "FAILED", failure.Error()
	}
	body, err := json.Marshal(told)
	if err != nil {
		return fmt.Errorf("answer CloudFormation: %w", err)
	}
	out, err := http.NewRequestWithContext(ctx, http.MethodPut, asked.ResponseURL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("answer CloudFormation: %w", err)
	}
	// The address is signed without a type of content.
	answered, err := f.client.Do(out)
	if err != nil {
		return fmt.Errorf("answer CloudFormation: %w", err)
	}
	defer answered.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answered.Body, 64<<10)); err != nil {
		return fmt.Errorf("answer CloudFormation: %w", err)
	}
	if answered.StatusCode/100 != 2 {
		return fmt.Errorf("answer CloudFormation: it said %s", answered.Status)
	}
	return nil
}
