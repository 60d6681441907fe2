// Package vault finds a store's keys in AWS Secrets Manager, for the plugins of all
// vendors.
package vault

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/logging"

	"github.com/dth-dev/dth/sdk/control"
	"github.com/dth-dev/dth/sdk/credentials"
)

// longestName is how many characters the name of a secret has at most.
const longestName = 512

// Labels of a secret's versions. Source: AWS Secrets Manager user guide, "Secret
// versions": a rotation moves current to the new version and previous to the one before.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Open is the control.Vault of every plugin. It reads what follows "secret:" and asks
// nobody yet:
//
//	NAME[,region=REGION]
//	ARN
//
// Without a region that of the ARN counts, then AWS_REGION or the profile's, then the
// region of the machine. Secrets Manager is asked with the machine's own role, by the
// chain of the AWS SDK.
func Open(_ context.Context, reference string) (control.Source, error) {
	id, region, err := parse(reference)
	if err != nil {
		return nil, err
	}
	return (&secret{reference: reference, id: id, region: region}).resolve, nil
}

var (
	// Source: AWS Secrets Manager API reference, CreateSecret. A bound such as {1,512} in
	// the expression would take a millisecond of every plugin's start to compile.
	validName   = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)
	validARN    = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$`)
	validRegion = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// parse returns the id and the region of a reference. Its errors do not repeat it: it may be a key pasted
// into the wrong place.
func parse(reference string) (string, string, error) {
	id, option, more := strings.Cut(reference, ",")
	region, named := strings.CutPrefix(option, "region=")
	switch {
	case more && !named:
		return "", "", errors.New(`credentials "secret:" take one option: secret:NAME,region=REGION`)
	case more && !validRegion.MatchString(region):
		return "", "", errors.New(`credentials "secret:": the region is none: write secret:NAME,region=us-east-1`)
	}
	if match := validARN.FindStringSubmatch(id); match != nil {
		if region != "" && region != match[1] {
			return "", "", errors.New(`credentials "secret:": the region is another than that of the ARN: leave it out`)
		}
		return id, match[1], nil
	}
	if !validName.MatchString(id) || len(id) > longestName {
		return "", "", errors.New(`credentials "secret:" take the name or the ARN of a secret in AWS Secrets Manager`)
	}
	return id, region, nil
}

// secret is one secret as a keyring's source, which asks for one answer at a time.
type secret struct {
	reference string // as it stands in the location
	id        string // name or ARN
	region    string // empty for the machine's

	settings aws.Config
	client   *secretsmanager.Client // nil before the first answer
	last     credentials.Keys
	refused  []credentials.Keys // by the store, since it was last content
}

// resolve returns the current keys. Where the store does not know them, although they
// are what Secrets Manager holds, it returns the previous ones: the store may not have
// heard of a rotation yet.
func (s *secret) resolve(ctx context.Context, reason control.Reason) (credentials.Keys, error) {
	if reason == control.ReasonRefused {
		s.refused = append(s.refused, s.last)
	} else {
		s.refused = nil
	}
	keys, err := s.fetch(ctx, current)
	if err != nil {
		return credentials.Keys{}, s.fail(err)
	}
	if slices.Contains(s.refused, keys) {
		before, err := s.fetch(ctx, previous)
		switch {
		case err == nil && !slices.Contains(s.refused, before):
			keys = before
		case err == nil && s.last == before:
			s.refused = nil // and begin anew when asked again
			return credentials.Keys{}, s.problem("the store refuses its current and its previous keys: put keys into it that the store knows")
		}
	}
	s.last = keys
	return keys, nil
}

// fetch returns the keys of one version.
func (s *secret) fetch(ctx context.Context, label string) (credentials.Keys, error) {
	if err := s.connect(ctx); err != nil {
		return credentials.Keys{}, err
	}
	answer, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.id, VersionStage: &label})
	if err != nil {
		return credentials.Keys{}, err
	}
	document := answer.SecretBinary
	if answer.SecretString != nil {
		document = []byte(*answer.SecretString)
	}
	keys, err := credentials.ParseDocument(document)
	if err != nil {
		return credentials.Keys{}, s.problem("it is " + err.Error())
	}
	return keys, nil
}

// connect prepares the client and makes sure that the machine has credentials of its own.
func (s *secret) connect(ctx context.Context) error {
	if s.client == nil {
		settings, err := s.load(ctx)
		if err != nil {
			return err
		}
		s.settings, s.client = settings, secretsmanager.NewFromConfig(settings)
	}
	if _, err := s.settings.Credentials.Retrieve(ctx); err != nil {
		return s.problem("this machine has no AWS credentials to read it with (" + control.Innermost(err).Error() +
			"): give the machine a role that may secretsmanager:GetSecretValue")
	}
	return nil
}

// load reads the AWS settings of the environment. Only where nobody says a region the
// machine is asked for its own: the SDK fails where there is no answer.
func (s *secret) load(ctx context.Context) (aws.Config, error) {
	quiet := func(o *config.LoadOptions) error {
		o.Logger = logging.Nop{}
		return nil
	}
	settings, err := config.LoadDefaultConfig(ctx, quiet, config.WithRegion(s.region))
	if err != nil {
		return settings, s.problem("the AWS settings of this machine cannot be read: " + control.Innermost(err).Error())
	}
	if settings.Region != "" {
		return settings, nil
	}
	if settings, err = config.LoadDefaultConfig(ctx, quiet, config.WithEC2IMDSRegion()); err != nil {
		return settings, s.problem("in which region it is, is not known: write secret:NAME,region=REGION, or set AWS_REGION")
	}
	return settings, nil
}
