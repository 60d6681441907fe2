package s3driver

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
	"github.com/dth-dev/dth/sdk/driver"
)

// Role names roles of AWS that are taken on with the keys of a location. Each is left out
// where its ARN is empty; the federated one comes first.
type Role struct {
	ARN        string // taken on by sts:AssumeRole, inside a partition
	ExternalID string // that the role's owner asks for; may be empty

	Federated string // ARN of a role of another partition, taken on by a web identity token
	Audience  string // of that token
	Issuer    string // region of the STS that issues it, where the location's own keys are good

	Region string // of the STS where the roles are
}

const (
	// roleSession names dth in the records of AWS CloudTrail.
	roleSession = "dth"
	// roleLife is how long keys of a role are good: the most that a role taken on with
	// the keys of another may have. Source: IAM user guide, "Methods to assume a role".
	roleLife = time.Hour
	// tokenLife is how long a web identity token is good, which is used at once.
	tokenLife = 5 * time.Minute
)

var validRole = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}$`)

// CheckRole refuses what is no ARN of a role. option names where it was written.
func CheckRole(option, arn string) error {
	if arn != "" && !validRole.MatchString(arn) {
		return control.Invalid("option %s takes the ARN of a role, as in arn:aws:iam::111122223333:role/dth", option)
	}
	return nil
}

// take returns the keyring of the roles over that of the location's own keys.
func (r Role) take(ctx context.Context, own *control.Keyring) (*control.Keyring, error) {
	if own.Held().AccessKeyID == "" && (r.ARN != "" || r.Federated != "") {
		return nil, control.Invalid("anonymous access can take on no role: give the location credentials")
	}
	ring := own
	for _, next := range []struct {
		arn  string
		open func(own *control.Keyring) control.Source
	}{{r.Federated, r.federate}, {r.ARN, r.assume}} {
		if next.arn == "" {
			continue
		}
		ring = control.NewKeyring(next.open(ring))
		if _, err := ring.Keys(ctx); err != nil {
			return nil, err
		}
	}
	return ring, nil
}

// assume is the source of a role's keys inside a partition.
func (r Role) assume(own *control.Keyring) control.Source {
	return func(ctx context.Context, _ control.Reason) (found credentials.Keys, err error) {
		err = withKeys(own, func() error {
			client, err := newSTS(ctx, r.Region, provider{own})
			if err != nil {
				return err
			}
			taken, err := stscreds.NewAssumeRoleProvider(client, r.ARN, func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName, o.Duration = roleSession, roleLife
				if r.ExternalID != "" {
					o.ExternalID = &r.ExternalID
				}
			}).Retrieve(ctx)
			found = keysOf(taken)
			return err
		})
		return found, roleFailure("role "+r.ARN, "its trust policy must name the location's own identity and external id, and that identity may sts:AssumeRole it", err)
	}
}

// federate is the source of the keys of a role in another partition, where the keys of
// this one mean nothing. Source: IAM user guide, "Federating AWS identities to external
// services": tokens are issued by the endpoints of regions only.
func (r Role) federate(own *control.Keyring) control.Source {
	return func(ctx context.Context, _ control.Reason) (credentials.Keys, error) {
		var token string
		err := withKeys(own, func() error {
			client, err := newSTS(ctx, r.Issuer, provider{own})
			if err != nil {
				return err
			}
			issued, err := client.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
				Audience: []string{r.Audience}, SigningAlgorithm: aws.String("RS256"), DurationSeconds: aws.Int32(int32(tokenLife / time.Second)),
			})
			if err == nil {
				token = aws.ToString(issued.WebIdentityToken)
			}
			return err
		})
		if err != nil {
			return credentials.Keys{}, roleFailure("web identity token from region "+r.Issuer,
				"outbound identity federation must be on in that account, and the location's own identity may sts:GetWebIdentityToken", err)
		}
		client, err := newSTS(ctx, r.Region, aws.AnonymousCredentials{})
		if err != nil {
			return credentials.Keys{}, err
		}
		taken, err := stscreds.NewWebIdentityRoleProvider(client, r.Federated, issuedToken(token), func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName, o.Duration = roleSession, roleLife
		}).Retrieve(ctx)
		return keysOf(taken), roleFailure("role "+r.Federated,
			"its account must have an OIDC provider with the issuer of the source's account and the audience "+r.Audience+", and its trust policy must name that provider", err)
	}
}

// issuedToken is a token that is there already.
type issuedToken string

func (t issuedToken) GetIdentityToken() ([]byte, error) { return []byte(t), nil }

// newSTS returns a client for a region, which AWS_ENDPOINT_URL_STS may lead elsewhere.
func newSTS(ctx context.Context, region string, keys aws.CredentialsProvider) (*sts.Client, error) {
	settings, err := config.LoadDefaultConfig(ctx, quiet, config.WithRegion(region), config.WithCredentialsProvider(keys))
	if err != nil {
		return nil, err
	}
	return sts.NewFromConfig(settings), nil
}

// withKeys makes a call with a location's own keys, and once more where those were
// rotated.
func withKeys(own *control.Keyring, call func() error) error {
	err := call()
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException":
		if own.Refuse(true) {
			return call()
		}
	case "ExpiredToken", "ExpiredTokenException":
		own.Distrust()
		return call()
	}
	return err
}

// roleFailure says what could not be had and what that takes. The texts of STS are not
// repeated: they may hold an external id.
func roleFailure(what, advice string, err error) error {
	if err == nil {
		return nil
	}
	var known *driver.Error
	if errors.As(err, &known) {
		return known // of the location's own keys
	}
	failure := &driver.Error{Op: "Open", Kind: driver.KindDenied, Message: "credentials: " + what + ": AWS STS refuses: " + advice}
	var api smithy.APIError
	switch {
	case !errors.As(err, &api):
		failure.Kind, failure.Message = driver.KindUnavailable, fmt.Sprintf("credentials: %s: AWS STS cannot be reached: %v", what, control.Innermost(err))
	case api.ErrorFault() == smithy.FaultServer || strings.HasPrefix(api.ErrorCode(), "Throttl"):
		failure.Kind, failure.Code = driver.KindUnavailable, api.ErrorCode()
		failure.Message = "credentials: " + what + ": AWS STS is in trouble"
	default:
		failure.Code = api.ErrorCode()
	}
	return failure
}

func keysOf(found aws.Credentials) credentials.Keys {
	held := credentials.Keys{AccessKeyID: found.AccessKeyID, SecretAccessKey: found.SecretAccessKey, SessionToken: found.SessionToken}
	if found.CanExpire {
		held.Expires = found.Expires
	}
	return held
}
