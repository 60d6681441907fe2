package vault

import (
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/driver"
)

// problem is a failure that only a person can end.
func (s *secret) problem(text string) *driver.Error {
	return &driver.Error{Op: "Open", Kind: driver.KindDenied, Message: "credentials secret:" + s.reference + ": " + text}
}

// advice says what to do about a refusal, by its code. Sources: AWS Secrets Manager API
// reference, GetSecretValue and "Common Error Types".
var advice = map[string]string{
	"ResourceNotFoundException":   "there is no such secret in region %s: check name and region, secret:NAME,region=REGION",
	"AccessDeniedException":       "it may not be read in region %s: grant secretsmanager:GetSecretValue on it, and kms:Decrypt on its key where that is not AWS's own",
	"DecryptionFailure":           "its KMS key in region %s cannot be used: grant kms:Decrypt on it, and see that it is enabled",
	"InvalidRequestException":     "it cannot be read in region %s, being deleted or without a value: restore it, or name another",
	"InvalidParameterException":   "it has a name that Secrets Manager in region %s does not take: check it",
	"UnrecognizedClientException": "Secrets Manager in region %s does not know this machine's AWS credentials: renew them, or check the partition",
	"InvalidClientTokenId":        "Secrets Manager in region %s does not know this machine's AWS credentials: renew them, or check the partition",
	"InvalidSignatureException":   "Secrets Manager in region %s refuses this machine's signature: check its AWS credentials and its clock",
	"ExpiredTokenException":       "this machine's AWS credentials for region %s have expired: renew them",
}

// fail says what happened. The texts of Secrets Manager are not repeated.
func (s *secret) fail(err error) error {
	var known *driver.Error
	if errors.As(err, &known) {
		return known
	}
	var (
		api    smithy.APIError
		answer *awshttp.ResponseError
	)
	answered := errors.As(err, &answer) && answer.HTTPStatusCode() != 0
	if !errors.As(err, &api) {
		failure := s.problem(fmt.Sprintf("Secrets Manager in region %s cannot be reached: %v", s.settings.Region, control.Innermost(err)))
		failure.Kind, failure.Err = driver.KindUnavailable, err
		if answered {
			failure.Message = "credentials secret:" + s.reference + ": what answers in the place of Secrets Manager is something else: check AWS_ENDPOINT_URL_SECRETS_MANAGER"
			failure.Kind, failure.Err = driver.KindInvalidArgument, nil
		}
		return failure
	}
	text, ok := advice[api.ErrorCode()]
	if !ok {
		text = "Secrets Manager in region %s refuses"
	}
	failure := s.problem(fmt.Sprintf(text, s.settings.Region))
	failure.Code = api.ErrorCode()
	if answered {
		failure.Status, failure.RequestID = answer.HTTPStatusCode(), answer.RequestID
		if !ok && (failure.Status >= 500 || failure.Status == http.StatusTooManyRequests || api.ErrorCode() == "ThrottlingException") {
			failure.Kind = driver.KindUnavailable
		}
	}
	return failure
}
